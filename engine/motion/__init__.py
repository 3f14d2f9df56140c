"""Moving pictures: how a scene moves, and painting its frames so that strokes move with it."""
