-- Of the complete lists of a registry in one order before :until, the deepest of the newest day, of equal ones the first stored.
SELECT s.snapshot_id AS snapshot, s.date, s.taken_at, s.counter, s.depth
FROM registry g JOIN snapshot s ON s.registry_id = g.registry_id
WHERE g.name = :registry AND s.ordered_by = :by AND s.kind = 'top' AND s.status = 'complete' AND s.taken_at < :until
ORDER BY s.date DESC, s.depth DESC, s.snapshot_id LIMIT 1;
