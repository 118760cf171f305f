-- The libraries of every package in the registry of a snapshot, at the time of the snapshot. No formats and no trackers.
SELECT b.package_id AS package, b.library
FROM snapshot s CROSS JOIN package_library b CROSS JOIN package p
WHERE s.snapshot_id = :snapshot AND p.package_id = b.package_id AND p.registry_id = s.registry_id
  AND b.kind = 'library' AND b.valid_from <= s.taken_at AND (b.valid_to IS NULL OR b.valid_to > s.taken_at)
ORDER BY package, library
