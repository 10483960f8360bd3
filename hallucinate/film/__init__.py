"""Films: each is read once, dreamed frame by frame, and written with its own sound, timing and tags."""
