-- The complete censuses of the same registry before a census, newest first.
SELECT e.snapshot_id, e.taken_at
FROM snapshot s
JOIN snapshot e ON e.registry_id = s.registry_id AND e.status = 'complete' AND e.taken_at < s.taken_at
JOIN census c ON c.snapshot_id = e.snapshot_id
WHERE s.snapshot_id = :snapshot ORDER BY e.taken_at DESC, e.snapshot_id DESC LIMIT 60;
