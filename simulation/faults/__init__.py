"""Scripted faults: wrong responses, and responses that are delivered badly."""
