"""What training looks at: crops of photos, the artworks, and the pretrained teachers."""
