-- Every package a complete snapshot lists, with its name at that instant, its rank and its counters; NULL is not known.
WITH listed AS (
    SELECT r.package_id, r.rank, r.downloads, r.likes, s.taken_at
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete'),
called AS (
    SELECT l.package_id, l.rank, l.downloads, l.likes, p.name, NULL AS name_then
    FROM listed l JOIN package p ON p.package_id = l.package_id
    UNION ALL
    SELECT l.package_id, l.rank, l.downloads, l.likes, NULL, a.name
    FROM listed l
    JOIN alias a ON a.package_id = l.package_id AND a.since <= l.taken_at AND (a.until IS NULL OR a.until > l.taken_at))
SELECT c.package_id AS package, COALESCE(MAX(c.name_then), MAX(c.name)) AS name, c.rank, c.downloads, c.likes
FROM called c
GROUP BY c.package_id, c.rank, c.downloads, c.likes
ORDER BY c.rank
