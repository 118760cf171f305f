"""Computation of results: metrics, the relations they read, the engines that run queries, and pending results."""
