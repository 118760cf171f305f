"""Ask the snapshots: compute results, show them in a report.

A metric is a public function in a file of `metrics/`. The names of its parameters are relations, each a question in
`db/queries/` that is answered as of one complete snapshot; what it yields are results. It is pure: the same frames give
the same results, so a result is computed once for each snapshot and version, and again when VERSION is raised. A number
that cannot be given is a result too: its value is None and its note says why.
"""
