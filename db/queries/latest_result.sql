-- The newest defined result of one name, in a registry's rankings by the downloads that :counter counts, taken from
-- :since to before :until. A metric counts at the newest version that is stored for a snapshot. Turnover is that of the
-- list that stands for its day at :k (the view `list_of_day`).
SELECT g.name AS registry, s.counter, s.date, p.date AS previous_date, x.snapshot_id AS snapshot, x.metric, x.name, x.k,
       x.value, x.low, x.high, x.n, x.note
FROM registry g CROSS JOIN snapshot s CROSS JOIN result x
LEFT JOIN snapshot p ON p.snapshot_id = x.previous_snapshot_id
WHERE g.name = :registry AND s.registry_id = g.registry_id AND s.ordered_by = 'downloads' AND s.counter = :counter
  AND s.taken_at >= :since AND s.taken_at < :until
  AND x.snapshot_id = s.snapshot_id AND x.metric = :metric AND x.name = :name AND x.k = :k AND x.value IS NOT NULL
  AND x.version = (SELECT MAX(y.version) FROM result y WHERE y.snapshot_id = x.snapshot_id AND y.metric = :metric)
  AND (x.metric NOT LIKE 'turnover%'
       OR EXISTS (SELECT 1 FROM list_of_day l WHERE l.snapshot_id = s.snapshot_id AND l.k = x.k))
ORDER BY s.taken_at DESC, s.snapshot_id DESC
LIMIT 1
