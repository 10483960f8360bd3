"""Calibration: figures that are measured once, shipped, and read by the dream."""
