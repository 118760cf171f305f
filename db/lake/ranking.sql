-- The list of a complete snapshot, as served.
SELECT snapshot_id, rank, package_id, page, downloads, likes, downloads_all_time, trending, dependents, dependent_repos,
       synced_at
FROM ranking WHERE snapshot_id = :snapshot AND :complete ORDER BY rank
