"""Computation of results from snapshots, reports of the results, and exports.

A metric is a public function in a file of `metrics/`. The names of its parameters are relations: each is a query in
`db/queries/`, run as of one complete snapshot. A metric yields results, and is pure: equal frames give equal results.
A result is therefore computed once for each snapshot and version, and again when VERSION is raised. An undefined number
is a result too: its value is None, and its note says why.
"""
