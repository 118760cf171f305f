-- The complete snapshots for which a metric, at one version, has no result yet, in the order of their dates.
-- `:of` is census for a metric of whole registries; any other asks about lists, and cards about those of the Hub only.
SELECT s.snapshot_id AS snapshot, r.name AS registry, s.date, s.taken_at
FROM snapshot s
JOIN registry r ON r.registry_id = s.registry_id
LEFT JOIN census c ON c.snapshot_id = s.snapshot_id
WHERE s.status = 'complete' AND NOT EXISTS (
    SELECT 1 FROM result x WHERE x.snapshot_id = s.snapshot_id AND x.metric = :metric AND x.version = :version)
  AND (:of = 'census') = (c.snapshot_id IS NOT NULL) AND (:of <> 'cards' OR r.service = 'huggingface')
ORDER BY s.taken_at, s.snapshot_id
