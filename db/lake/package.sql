-- The packages that were known at the end of the exported period, with their names at that time. Newest counters, `modified_at`
-- and `sha` are NULL if they are from after the period.
SELECT p.package_id, p.registry_id, p.stable_id,
       COALESCE((SELECT a.name FROM alias a WHERE a.package_id = p.package_id AND a.valid_from < :until
                 ORDER BY a.valid_from DESC LIMIT 1), p.name) AS name,
       p.first_seen_at AS known_at, p.created_at,
       CASE WHEN p.seen_at < :until THEN p.modified_at END AS modified_at,
       CASE WHEN p.seen_at < :until THEN p.sha END AS sha,
       CASE WHEN p.seen_at < :until THEN p.downloads END AS downloads,
       CASE WHEN p.seen_at < :until THEN p.likes END AS likes,
       CASE WHEN p.seen_at < :until THEN p.downloads_all_time END AS downloads_all_time,
       CASE WHEN p.seen_at < :until THEN p.trending END AS trending,
       CASE WHEN p.seen_at < :until THEN p.dependents END AS dependents,
       CASE WHEN p.seen_at < :until THEN p.dependent_repos END AS dependent_repos,
       CASE WHEN p.seen_at < :until THEN p.seen_at END AS seen_at
FROM package p
WHERE p.registry_id = (SELECT registry_id FROM registry WHERE name = :registry)
  AND (p.seen_at < :until OR EXISTS (SELECT 1 FROM alias a WHERE a.package_id = p.package_id AND a.valid_from < :until))
ORDER BY p.package_id
