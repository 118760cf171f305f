-- The orders and counters of the complete lists of a registry, with their number and their newest date.
SELECT s.ordered_by AS "by", s.counter, count(*) AS lists, MIN(s.date) AS oldest, MAX(s.date) AS newest
FROM registry g JOIN snapshot s ON s.registry_id = g.registry_id
WHERE g.name = :registry AND s.kind = 'top' AND s.status = 'complete' GROUP BY s.ordered_by, s.counter ORDER BY newest DESC;
