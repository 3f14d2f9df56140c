"""Fine mode: the optimisation of Gatys, Ecker & Bethge (2016)."""
