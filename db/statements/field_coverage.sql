-- The share of the rows of a snapshot that have each field.
WITH listed AS (
    SELECT r.*, s.taken_at FROM ranking r JOIN snapshot s ON s.snapshot_id = r.snapshot_id WHERE r.snapshot_id = :snapshot)
SELECT 'downloads' AS field, avg(downloads IS NOT NULL) AS share FROM listed HAVING count(*) > 0
UNION ALL SELECT 'likes', avg(likes IS NOT NULL) FROM listed HAVING count(*) > 0
UNION ALL SELECT 'dependents', avg(dependents IS NOT NULL) FROM listed HAVING count(*) > 0
UNION ALL SELECT a.name, count(*) * 1.0 / (SELECT count(*) FROM listed)
FROM listed l JOIN attribute a ON a.package_id = l.package_id
 AND a.valid_from <= l.taken_at AND (a.valid_to IS NULL OR a.valid_to > l.taken_at) GROUP BY a.name;
