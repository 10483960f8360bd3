"""Panoramas: projections of the sphere into pictures, tables that remap one to another, lenses and their files."""
