-- The complete snapshots for which a metric, at one version, has no result yet, in the order of their dates.
-- `:of` is census for a metric of whole registries; any other asks about lists.
SELECT s.snapshot_id AS snapshot, r.name AS registry, s.date, s.taken_at
FROM snapshot s
JOIN registry r ON r.registry_id = s.registry_id
LEFT JOIN (SELECT DISTINCT snapshot_id FROM result WHERE metric = :metric AND version = :version) done
  ON done.snapshot_id = s.snapshot_id
WHERE s.status = 'complete' AND done.snapshot_id IS NULL
  AND (:of = 'census') = EXISTS (SELECT 1 FROM census c WHERE c.snapshot_id = s.snapshot_id)
ORDER BY s.taken_at, s.snapshot_id
