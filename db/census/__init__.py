"""Censuses: write, encode and read the full lists of registries."""
