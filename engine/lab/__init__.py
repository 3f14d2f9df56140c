"""The laboratory: what the papers' method shows beside repainted photos. One module a mode."""
