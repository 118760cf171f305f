-- Quality events up to a date, counted by snapshot and kind, each kind with one event as an example.
SELECT r.name AS registry, e.snapshot_id AS snapshot, s.date, MAX(e.noted_at) AS noted_at, e.kind, e.severity,
       COUNT(*) AS count, MIN(e.evidence) AS example,
       -- The evidence of a changed verdict ends with the day of the list that changed it.
       MAX(CASE WHEN e.kind = 'verdict_changed' THEN SUBSTR(e.evidence, LENGTH(e.evidence) - 9, 10) END) AS stated_date
FROM quality_event e
JOIN registry r ON r.registry_id = e.registry_id
LEFT JOIN snapshot s ON s.snapshot_id = e.snapshot_id
WHERE s.date <= :as_of OR (e.snapshot_id IS NULL AND e.noted_at < :until)
GROUP BY r.name, e.snapshot_id, s.date, e.kind, e.severity
ORDER BY r.name, e.snapshot_id, e.kind, e.severity
