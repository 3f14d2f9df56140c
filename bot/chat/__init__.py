"""The platforms: one folder each, and what they share."""
