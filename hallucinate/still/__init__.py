"""Stills: one picture dreamed at its full size, and sheets of many variants of it."""
