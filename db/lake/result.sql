-- The results of the metrics for a snapshot.
SELECT snapshot_id, metric, version, name, k, previous_snapshot_id, value, low, high, n, note, computed_at
FROM result WHERE snapshot_id = :snapshot ORDER BY metric, version, name, k
