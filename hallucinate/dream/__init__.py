"""The dreaming: one frame and the hallucination so far in, one frame with more of it out."""
