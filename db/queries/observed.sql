-- Every package a complete snapshot lists, with its name at that instant, its rank and its counters; NULL is not known.
SELECT r.package_id AS package, COALESCE(a.name, p.name) AS name, r.rank, r.downloads, r.likes
FROM snapshot s
JOIN ranking r ON r.snapshot_id = s.snapshot_id
JOIN package p ON p.package_id = r.package_id
LEFT JOIN alias a ON a.package_id = r.package_id AND a.since <= s.taken_at AND (a.until IS NULL OR a.until > s.taken_at)
WHERE s.snapshot_id = :snapshot AND s.status = 'complete'
ORDER BY r.rank
