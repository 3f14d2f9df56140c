"""The recipe that a finished picture carries, and what can be done with it."""
