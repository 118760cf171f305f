"""A simulated Hub and a simulated Ecosyste.ms on loopback, for tests, benchmarks and the demonstration.

Both run in one process (`python -m simulation`) and are reached over HTTP only. No other package imports this folder,
and it imports no other package. Both sites answer as recorded responses of the real sites do: with their paging,
quotas, redirects and habits. All content is invented. The same seed after the same number of days gives the same
bytes. `/_simulation` advances time, returns the truth and scripts faults: see README.md.
"""
