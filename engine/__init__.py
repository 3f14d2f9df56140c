"""Tensors: encoders, losses, the optimisation and the process that runs them. Never imports bot."""
