-- The results of every snapshot up to a date. Each metric is at the newest version that is stored for that snapshot.
WITH newest AS (
    SELECT snapshot_id, metric, MAX(version) AS version FROM result GROUP BY snapshot_id, metric)
SELECT r.snapshot_id AS snapshot, r.metric, r.version, r.name, r.k, r.previous_snapshot_id AS previous_snapshot,
       r.value, r.low, r.high, r.n, r.note
FROM newest n
JOIN result r ON r.snapshot_id = n.snapshot_id AND r.metric = n.metric AND r.version = n.version
JOIN snapshot s ON s.snapshot_id = r.snapshot_id
WHERE s.date <= :as_of
ORDER BY r.snapshot_id, r.metric, r.k, r.name
