-- The latest result of one name, in a registry's rankings by downloads taken before :until. Its value may be undefined.
SELECT g.name AS registry, s.date, x.snapshot_id AS snapshot, x.metric, x.name, x.k, x.value, x.low, x.high, x.n, x.note
FROM registry g CROSS JOIN snapshot s CROSS JOIN result x
WHERE g.name = :registry AND s.registry_id = g.registry_id AND s.ordered_by = 'downloads' AND s.taken_at < :until
  AND x.snapshot_id = s.snapshot_id AND x.metric = :metric AND x.name = :name AND x.k = :k
ORDER BY s.taken_at DESC, s.snapshot_id DESC, x.version DESC
LIMIT 1
