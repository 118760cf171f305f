-- The blocks that one census is read from: of each, the last whole one and every difference since.
SELECT b.number, b.snapshot_id, b.whole, b.codec, b.content
FROM (SELECT number, max(snapshot_id) AS begun FROM observation_block
      WHERE registry_id = :registry AND whole AND snapshot_id <= :snapshot GROUP BY number) c
JOIN observation_block b ON b.registry_id = :registry AND b.number = c.number
 AND b.snapshot_id >= c.begun AND b.snapshot_id <= :snapshot
ORDER BY b.number, b.snapshot_id;
