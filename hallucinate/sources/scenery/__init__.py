"""How the built-in scene is painted, once, at the start: noise, sky, land, plants, and the things that cross.

Colours are float RGB in [0, 1] while painting. ``u`` is the length of one row of a 360-row picture, in pixels:
every length is measured in it, so that the scene looks the same at any size.
"""
