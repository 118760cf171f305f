"""A dated, self-describing bundle of what the store holds, for other programs and other people."""
