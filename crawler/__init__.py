"""Crawl registries and store what they list.

One process takes one snapshot of one registry. A spider requests one page at a time, at the rate the registry allows.
Each page is one transaction: its rows, and the URL of the next page. After the last page the gate judges from the
stored rows whether the snapshot is complete, and the snapshot ends. A killed crawl resumes after the last stored page.
"""
