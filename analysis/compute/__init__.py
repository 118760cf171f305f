"""Compute results: metrics, the relations they read, the engines that answer, and which results are pending."""
