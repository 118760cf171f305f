-- The share of a snapshot's rows in which each field is there.
WITH listed AS (
    SELECT r.*, s.taken_at FROM ranking r JOIN snapshot s ON s.snapshot_id = r.snapshot_id WHERE r.snapshot_id = :snapshot)
SELECT 'downloads' AS field, avg(downloads IS NOT NULL) AS share FROM listed HAVING count(*) > 0
UNION ALL SELECT 'likes', avg(likes IS NOT NULL) FROM listed HAVING count(*) > 0
UNION ALL SELECT 'dependents', avg(dependents IS NOT NULL) FROM listed HAVING count(*) > 0
UNION ALL SELECT a.name, count(*) * 1.0 / (SELECT count(*) FROM listed)
FROM listed l JOIN attribute a ON a.package_id = l.package_id
 AND a.since <= l.taken_at AND (a.until IS NULL OR a.until > l.taken_at) GROUP BY a.name;
