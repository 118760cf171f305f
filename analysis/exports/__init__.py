"""Export of the store as a dated bundle that describes itself, for other programs and other people."""
