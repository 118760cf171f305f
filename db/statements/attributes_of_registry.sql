-- Task, library and licence of every package of a registry, at the instant of a snapshot.
SELECT a.package_id, a.name, a.value
FROM snapshot s JOIN attribute a ON a.name IN ('task', 'library', 'licence') AND a.since <= s.taken_at
 AND (a.until IS NULL OR a.until > s.taken_at)
JOIN package p ON p.package_id = a.package_id AND p.registry_id = s.registry_id
WHERE s.snapshot_id = :snapshot;
