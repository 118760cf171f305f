-- The first :k packages of the newest complete list by downloads (of any order where there is none) whose repository is
-- at another commit than the one at which their card was looked at last.
SELECT p.package_id, p.name, p.sha, p.seen_at AS at
FROM ranking r JOIN package p ON p.package_id = r.package_id
LEFT JOIN card_revision v ON v.package_id = p.package_id AND v.until IS NULL
WHERE r.rank <= :k AND p.sha IS NOT NULL AND v.looked_sha IS NOT p.sha
  AND r.snapshot_id = (
    SELECT s.snapshot_id FROM snapshot s JOIN registry g ON g.registry_id = s.registry_id
    WHERE g.name = :registry AND s.status = 'complete' AND s.origin = 'crawl'
    ORDER BY s.ordered_by = 'downloads' DESC, s.taken_at DESC, s.snapshot_id DESC LIMIT 1)
ORDER BY r.rank;
