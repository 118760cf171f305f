"""A pretend Hub and a pretend Ecosyste.ms on loopback, for tests, benchmarks and the demo.

They are started as one process (`python -m simulation`) and spoken to over HTTP only: no room imports
this folder and it imports none. Both answer as the recorded ones do: their paging, their quotas, their
redirects and their habits. Everything in them is invented, and the same seed after the same number of days
gives the same bytes. `/_simulation` moves time, tells the truth and scripts faults: README.md lists it.
"""
