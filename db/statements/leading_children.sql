-- The ten children of a package with the most downloads, just before :until. Newest counters are NULL if they are not older.
SELECT c.stable_id AS package, c.name, min(e.relation) AS relation, min(c.first_seen_at + e.valid_from) AS since,
       CASE WHEN c.seen_at < :until THEN c.downloads END AS downloads, CASE WHEN c.seen_at < :until THEN c.seen_at END AS seen_at
FROM edge e JOIN package c ON c.package_id = e.child_id
WHERE e.parent = :package AND e.child_id <> :package AND c.first_seen_at + e.valid_from < :until
  AND (e.valid_to IS NULL OR c.first_seen_at + e.valid_to >= :until)
  AND c.stable_id NOT IN (SELECT name FROM redacted_name)
GROUP BY c.package_id
ORDER BY CASE WHEN c.seen_at < :until THEN c.downloads END DESC, c.name LIMIT 10;
