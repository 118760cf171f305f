-- A census and every complete census of the same registry, oldest first. `says_modified` is 1 if the census has times of
-- modification. No rows if the snapshot is not a census.
SELECT n.snapshot_id AS snapshot, n.taken_at, CASE WHEN n.counter = 'census:names' THEN 0 ELSE 1 END AS says_modified
FROM snapshot s
JOIN snapshot n ON n.registry_id = s.registry_id AND (n.status = 'complete' OR n.snapshot_id = s.snapshot_id)
JOIN census c ON c.snapshot_id = n.snapshot_id
WHERE s.snapshot_id = :snapshot AND EXISTS (SELECT 1 FROM census x WHERE x.snapshot_id = :snapshot)
ORDER BY n.taken_at, n.snapshot_id
