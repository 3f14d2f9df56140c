"""Collections: a generator trained on photos and on one hand's paintings that show other things (Zhu et al. 2017)."""
