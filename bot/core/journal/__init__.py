"""What outlives a restart: the SQLite journal."""
