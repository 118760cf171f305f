"""Crawl model cards that are new or changed."""
