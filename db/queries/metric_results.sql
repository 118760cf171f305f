-- The results of one metric for one snapshot, at the newest version that is stored.
SELECT g.name AS registry, s.counter, s.date, p.date AS previous_date, x.snapshot_id AS snapshot, x.metric, x.name, x.k,
       x.value, x.low, x.high, x.n, x.note
FROM snapshot s
JOIN registry g ON g.registry_id = s.registry_id
JOIN result x ON x.snapshot_id = s.snapshot_id AND x.metric = :metric
LEFT JOIN snapshot p ON p.snapshot_id = x.previous_snapshot_id
WHERE s.snapshot_id = :snapshot
  AND x.version = (SELECT MAX(y.version) FROM result y WHERE y.snapshot_id = s.snapshot_id AND y.metric = :metric)
ORDER BY x.name, x.k
