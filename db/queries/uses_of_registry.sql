-- The libraries (not formats, not trackers) of every package of the registry of a snapshot, at its instant.
SELECT b.package_id AS package, b.library
FROM snapshot s CROSS JOIN package_library b CROSS JOIN package p
WHERE s.snapshot_id = :snapshot AND p.package_id = b.package_id AND p.registry_id = s.registry_id
  AND b.kind = 'library' AND b.since <= s.taken_at AND (b.until IS NULL OR b.until > s.taken_at)
ORDER BY package, library
