"""Scripted faults: what a site answers wrongly, and how it delivers badly."""
