"""What is seen of an optimisation, and how it is drawn."""
