-- The number of packages in a census, and how many arrived and departed. The counters are in `counter`.
SELECT snapshot_id, packages, arrivals, departures FROM census WHERE snapshot_id = :snapshot
