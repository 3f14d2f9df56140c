"""Which pictures a message has or shows, and their bytes."""
