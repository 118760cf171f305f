-- Task, library and licence of every package of the registry of a snapshot, at its instant.
SELECT a.package_id AS package, a.name, a.value
FROM snapshot s CROSS JOIN attribute a CROSS JOIN package p
WHERE s.snapshot_id = :snapshot AND p.package_id = a.package_id AND p.registry_id = s.registry_id
  AND a.name IN ('task', 'library', 'licence') AND a.since <= s.taken_at AND (a.until IS NULL OR a.until > s.taken_at)
ORDER BY package, a.name
