"""The engine as a child process: starting it, talking to it, watching over it."""
