"""The workshop: trains the weights, makes the gallery's pictures and measures. Run time never imports it."""
