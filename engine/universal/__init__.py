"""Universal mode: the gallery's network with a pair that is predicted for any picture (Ghiasi et al. 2017)."""
