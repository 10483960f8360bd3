"""What is not live: films, stills, zooms, sweeps, galleries."""
