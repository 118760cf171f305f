-- How many packages a census holds, and how many came and went; its counters are in `counter`.
SELECT snapshot_id, packages, arrivals, departures FROM census WHERE snapshot_id = :snapshot
