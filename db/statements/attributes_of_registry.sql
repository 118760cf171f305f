-- Task, library and licence of every package of a registry, at the instant of a snapshot.
SELECT a.package_id, w.kind, w.text
FROM snapshot s CROSS JOIN package_attribute a
CROSS JOIN word w ON w.word_id = a.word_id AND w.kind IN ('task', 'library', 'licence')
CROSS JOIN package p ON p.package_id = a.package_id AND p.registry_id = s.registry_id
WHERE s.snapshot_id = :snapshot AND p.known_at + a.since <= s.taken_at
  AND (a.until IS NULL OR p.known_at + a.until > s.taken_at);
