"""What is done to a picture's strokes once it is painted."""
