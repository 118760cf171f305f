-- Mark a package that the current complete census lacks: the previous complete census was the last to see it.
UPDATE package SET fingerprint = NULL, seen_at = max(seen_at, coalesce((
    SELECT max(s.taken_at) FROM snapshot s JOIN census c ON c.snapshot_id = s.snapshot_id
    WHERE s.registry_id = package.registry_id AND s.status = 'complete' AND s.snapshot_id < :snapshot), 0))
WHERE package_id = :package;
