-- The libraries (not formats, not trackers) of every package of a registry at the instant of a snapshot.
SELECT b.package_id, b.library
FROM snapshot s JOIN package_library b ON b.kind = 'library' AND b.since <= s.taken_at
 AND (b.until IS NULL OR b.until > s.taken_at)
JOIN package p ON p.package_id = b.package_id AND p.registry_id = s.registry_id
WHERE s.snapshot_id = :snapshot;
