-- Task, library and licence of every package in the registry of a snapshot, at the time of the snapshot.
SELECT a.package_id AS package, a.name, a.value
FROM snapshot s CROSS JOIN attribute a CROSS JOIN package p
WHERE s.snapshot_id = :snapshot AND p.package_id = a.package_id AND p.registry_id = s.registry_id
  AND a.name IN ('task', 'library', 'licence')
  AND a.valid_from <= s.taken_at AND (a.valid_to IS NULL OR a.valid_to > s.taken_at)
ORDER BY package, a.name
