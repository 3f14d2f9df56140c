"""The engine as a process of its own: `loop` is what it does, `process` what it is."""
