-- Every package that a complete snapshot lists, with its name at that time, its rank and its counters. NULL is unknown.
WITH listed AS (
    SELECT r.package_id, r.rank, r.downloads, r.likes, s.taken_at
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete'),
names AS (
    SELECT l.package_id, l.rank, l.downloads, l.likes, p.name, NULL AS name_then
    FROM listed l JOIN package p ON p.package_id = l.package_id
    UNION ALL
    SELECT l.package_id, l.rank, l.downloads, l.likes, NULL, a.name
    FROM listed l
    JOIN alias a ON a.package_id = l.package_id
     AND a.valid_from <= l.taken_at AND (a.valid_to IS NULL OR a.valid_to > l.taken_at))
SELECT n.package_id AS package, COALESCE(MAX(n.name_then), MAX(n.name)) AS name, n.rank, n.downloads, n.likes
FROM names n
GROUP BY n.package_id, n.rank, n.downloads, n.likes
ORDER BY n.rank
