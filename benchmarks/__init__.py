"""Each file a command that prints one table: what ours costs, what the usual ways cost, and the least there can be.

Every row of a table is measured in the same run on the same generated packages (`benchmarks.population`).
"""
