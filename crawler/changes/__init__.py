"""Crawl what was created, changed or removed since the last crawl of changes."""
