"""The trainers: one a network, each with its losses and its settings."""
