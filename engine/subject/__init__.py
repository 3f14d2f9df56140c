"""What matters in a photo, and what a picture keeps of it."""
