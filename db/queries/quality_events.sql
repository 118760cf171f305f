-- Quality events up to a date, counted by snapshot and kind, each kind with one event as an example. That of a changed verdict
-- has both verdicts.
SELECT r.name AS registry, e.snapshot_id AS snapshot, s.date, MAX(e.noted_at) AS noted_at, e.kind, e.severity,
       COUNT(*) AS count,
       MIN(CASE WHEN e.kind = 'verdict_changed' THEN COALESCE(e.evidence || ': ' || e.before || ' → ' || e.after, e.evidence)
                ELSE e.evidence END) AS example
FROM quality_event e
JOIN registry r ON r.registry_id = e.registry_id
LEFT JOIN snapshot s ON s.snapshot_id = e.snapshot_id
WHERE s.date <= :as_of OR (e.snapshot_id IS NULL AND e.noted_at < :until)
GROUP BY r.name, e.snapshot_id, s.date, e.kind, e.severity
ORDER BY r.name, e.snapshot_id, e.kind, e.severity
