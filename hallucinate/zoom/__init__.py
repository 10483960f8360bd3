"""Zooms: films into a dream that feeds itself."""
