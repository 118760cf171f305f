-- The complete snapshots that have no result of a metric at one version, in the order of their dates.
-- `:applies_to` is census for a metric of whole registries, cards for a metric of the Hub's rankings, else ranking.
SELECT s.snapshot_id AS snapshot, r.name AS registry, s.date, s.taken_at
FROM snapshot s
JOIN registry r ON r.registry_id = s.registry_id
LEFT JOIN census c ON c.snapshot_id = s.snapshot_id
WHERE s.status = 'complete' AND NOT EXISTS (
    SELECT 1 FROM result x WHERE x.snapshot_id = s.snapshot_id AND x.metric = :metric AND x.version = :version)
  AND (:applies_to = 'census') = (c.snapshot_id IS NOT NULL) AND (:applies_to <> 'cards' OR r.service = 'huggingface')
ORDER BY s.taken_at, s.snapshot_id
