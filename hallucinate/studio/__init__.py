"""Pictures that are not live: stills, zooms, sweeps, galleries."""
