-- Every complete list of a registry in one order before :until, with the rank and counters of a package. `rank` is NULL if the
-- list does not have the package.
SELECT s.snapshot_id AS snapshot, s.date, s.taken_at, s.counter, s.depth, r.rank, r.downloads, r.likes, r.downloads_all_time,
       r.trending, r.dependents, r.dependent_repos
FROM package p
JOIN snapshot s ON s.registry_id = p.registry_id AND s.ordered_by = :by AND s.kind = 'top' AND s.status = 'complete'
 AND s.taken_at < :until
LEFT JOIN ranking r ON r.package_id = p.package_id AND r.snapshot_id = s.snapshot_id
WHERE p.package_id = :package
ORDER BY s.counter, s.taken_at, s.snapshot_id;
