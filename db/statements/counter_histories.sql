-- The counters of each package of a snapshot in the last complete crawls of the same list and in the snapshot itself, oldest first.
-- No row if there is no such crawl: one value shows no change.
WITH series AS (
    SELECT e.snapshot_id, e.taken_at FROM snapshot e JOIN snapshot s ON s.snapshot_id = :snapshot
     AND e.registry_id = s.registry_id AND e.ordered_by = s.ordered_by AND e.counter = s.counter
    WHERE e.snapshot_id = s.snapshot_id OR (e.origin = 'crawl' AND e.status = 'complete' AND e.taken_at < s.taken_at)
    ORDER BY e.taken_at DESC LIMIT :newest)
SELECT k.package_id, e.taken_at, k.downloads, k.downloads_all_time, k.synced_at
FROM series e JOIN ranking k ON k.snapshot_id = e.snapshot_id
JOIN ranking target ON target.snapshot_id = :snapshot AND target.package_id = k.package_id
WHERE (SELECT count(*) FROM series) > 1
ORDER BY k.package_id, e.taken_at;
