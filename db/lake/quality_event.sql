-- Quality events of the exported period: what a reader of the numbers should know.
SELECT e.event_id, e.registry_id, e.snapshot_id, e.package_id, e.kind, e.severity, e.before, e.after, e.evidence, e.noted_at
FROM quality_event e LEFT JOIN snapshot s ON s.snapshot_id = e.snapshot_id
WHERE e.registry_id = (SELECT registry_id FROM registry WHERE name = :registry)
  AND COALESCE(s.taken_at, e.noted_at) >= :since AND COALESCE(s.taken_at, e.noted_at) < :until
ORDER BY e.event_id
