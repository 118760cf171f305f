-- The observations in other snapshots of each package that a removed import touched, in the order in which they were stored.
-- Snapshot 0 is a crawl of changes.
SELECT o.package_id, o.snapshot_id, o.taken_at, v.package_id IS NOT NULL AS is_recorded, r.package_id IS NOT NULL AS is_listed,
       r.downloads, r.likes, r.downloads_all_time, r.trending, r.dependents, r.dependent_repos,
       v.created_at, v.modified_at, v.revision
FROM observer o CROSS JOIN snapshot s ON s.snapshot_id = o.snapshot_id
LEFT JOIN ranking r ON r.snapshot_id = o.snapshot_id AND r.package_id = o.package_id
LEFT JOIN stated_value v ON v.package_id = o.package_id AND v.snapshot_id = o.snapshot_id
UNION ALL
SELECT v.package_id, 0, v.stated_at, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, v.created_at, v.modified_at, v.revision
FROM touched_package t CROSS JOIN stated_value v ON v.package_id = t.package_id WHERE v.snapshot_id = 0
ORDER BY 1, 2;
