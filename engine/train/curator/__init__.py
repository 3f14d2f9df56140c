"""Commands for what the laboratory knows of the gallery, and for how well it chooses from it."""
