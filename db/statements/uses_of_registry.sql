-- The libraries (not formats, not trackers) of every package of a registry at the instant of a snapshot.
SELECT u.package_id, w.text
FROM snapshot s CROSS JOIN package_use u CROSS JOIN word w ON w.word_id = u.word_id AND w.kind = 'library'
CROSS JOIN package p ON p.package_id = u.package_id AND p.registry_id = s.registry_id
WHERE s.snapshot_id = :snapshot AND p.known_at + u.since <= s.taken_at
  AND (u.until IS NULL OR p.known_at + u.until > s.taken_at);
