"""What becomes of an accepted job: it waits in line, is painted, and is answered."""
