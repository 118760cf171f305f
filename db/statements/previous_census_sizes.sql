-- The number of packages in the last complete censuses of the same registry, newest first.
SELECT c.packages FROM snapshot s JOIN snapshot e ON e.registry_id = s.registry_id AND e.snapshot_id < s.snapshot_id
JOIN census c ON c.snapshot_id = e.snapshot_id
WHERE s.snapshot_id = :snapshot AND e.status = 'complete' ORDER BY e.snapshot_id DESC LIMIT 8;
