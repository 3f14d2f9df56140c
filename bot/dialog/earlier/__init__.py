"""Orders about earlier pictures: repeated, varied, tried once more, verified."""
