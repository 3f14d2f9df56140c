"""The inputs of training: crops of photos, the artworks, and the pretrained teachers."""
