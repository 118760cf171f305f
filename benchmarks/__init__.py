"""Benchmarks: each module is a command that prints one table of our cost, the cost of the usual ways, and a floor.

All rows of a table are measured in one run, on the same generated packages (`benchmarks.population`).
"""
