-- The dates of a registry's complete rankings by the downloads that :counter counts, taken before :until, newest first.
SELECT s.date, s.taken_at
FROM registry g CROSS JOIN snapshot s
WHERE g.name = :registry AND s.registry_id = g.registry_id AND s.ordered_by = 'downloads' AND s.counter = :counter
  AND s.taken_at < :until AND s.status = 'complete'
ORDER BY s.taken_at DESC, s.snapshot_id DESC
