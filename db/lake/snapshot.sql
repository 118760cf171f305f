-- Every snapshot that was begun in the time asked for, of any status. What was asked of the crawl (`settings`) stays here.
SELECT snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source, evidence, file_sha256, taken_at, date,
       started_at, ended_at, status, reason, depth, value_after, digest
FROM snapshot
WHERE registry_id = (SELECT registry_id FROM registry WHERE name = :registry)
  AND taken_at >= :since AND taken_at < :until
ORDER BY snapshot_id
