-- Every snapshot that began in the exported period, of any status. The settings of the crawl are not exported.
SELECT snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source, date_evidence AS evidence, file_sha256,
       taken_at, date, started_at, ended_at, status, reason, depth, next_value AS value_after, digest
FROM snapshot
WHERE registry_id = (SELECT registry_id FROM registry WHERE name = :registry)
  AND taken_at >= :since AND taken_at < :until
ORDER BY snapshot_id
