-- The newest complete list of a registry in one order before :until, with at least :least ranks. Of the lists of one
-- day, that with the most of the first :k ranks. Any counter if :counter is NULL.
SELECT s.snapshot_id AS snapshot, g.name AS registry, g.service, g.service_name, s.date, s.taken_at, s.counter, s.depth,
       s.next_value, s.origin
FROM registry g JOIN snapshot s ON s.registry_id = g.registry_id
WHERE g.name = :registry AND s.ordered_by = :by AND s.kind = 'top' AND s.status = 'complete' AND s.depth >= :least
  AND s.taken_at < :until AND (:counter IS NULL OR s.counter = :counter)
ORDER BY s.date DESC, min(s.depth, :k) DESC, s.taken_at DESC, s.snapshot_id DESC LIMIT 1;
