"""What matters in a photo: faces, and edges that carry meaning."""
