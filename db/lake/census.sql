-- How many packages a census holds; its counters are blocks of the store.
SELECT snapshot_id, packages, arrivals, departures FROM census WHERE snapshot_id = :snapshot
