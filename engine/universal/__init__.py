"""Universal mode: feature statistics of any picture transferred at once (Li et al. 2017)."""
