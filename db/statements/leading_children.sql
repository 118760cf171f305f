-- The ten children of a package with the most downloads, just before :until. Counters observed at :until or later are NULL.
WITH leading AS (
    SELECT c.package_id, c.stable_id AS package, c.name AS newest_name, min(e.relation) AS relation,
           min(c.first_seen_at + e.valid_from) AS since, CASE WHEN c.seen_at < :until THEN c.downloads END AS downloads,
           CASE WHEN c.seen_at < :until THEN c.seen_at END AS seen_at
    FROM edge e JOIN package c ON c.package_id = e.child_id
    WHERE e.parent = :package AND e.child_id <> :package AND c.first_seen_at + e.valid_from < :until
      AND (e.valid_to IS NULL OR c.first_seen_at + e.valid_to >= :until)
      AND c.stable_id NOT IN (SELECT name FROM redacted_name)
    GROUP BY c.package_id
    ORDER BY CASE WHEN c.seen_at < :until THEN c.downloads END DESC, c.name LIMIT 10)
SELECT l.package, coalesce((SELECT a.name FROM alias a WHERE a.package_id = l.package_id AND a.valid_from < :until
                            ORDER BY a.valid_from DESC LIMIT 1), l.newest_name) AS name,
       l.relation, l.since, l.downloads, l.seen_at
FROM leading l ORDER BY l.downloads DESC, l.newest_name;
