-- The counters of a census in a lake, in the form of `db.census.history.counters`.
SELECT package_id AS package, COALESCE(downloads, -1) AS downloads, COALESCE(likes, -1) AS likes,
       COALESCE(downloads_all_time, -1) AS downloads_all_time
FROM counter WHERE snapshot_id = :snapshot ORDER BY package
