"""What a job is and what becomes of it: no platform, no engine process."""
