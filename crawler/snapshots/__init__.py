"""Take one snapshot: crawl, store, judge, end."""
