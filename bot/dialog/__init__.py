"""What words and buttons mean; the same on every platform."""
