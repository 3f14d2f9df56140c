"""Fast mode: one feed-forward network for all gallery styles."""
