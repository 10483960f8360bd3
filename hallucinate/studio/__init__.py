"""Pictures that are not live: galleries."""
