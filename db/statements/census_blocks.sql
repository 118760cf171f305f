-- The blocks that one census is read from: of each, the last whole one; a difference from that, if there is one (form 3);
-- and every difference since.
SELECT b.number, b.snapshot_id, b.whole, b.codec, b.content
FROM (SELECT number, max(snapshot_id) AS begun FROM observation_block
      WHERE registry_id = :registry AND whole AND snapshot_id <= :snapshot GROUP BY number) c
LEFT JOIN (SELECT number, max(snapshot_id) AS half_way FROM observation_block
      WHERE registry_id = :registry AND codec = 3 AND snapshot_id <= :snapshot GROUP BY number) h ON h.number = c.number
JOIN observation_block b ON b.registry_id = :registry AND b.number = c.number
 AND b.snapshot_id >= c.begun AND b.snapshot_id <= :snapshot
 AND (b.snapshot_id = c.begun OR b.snapshot_id >= coalesce(h.half_way, 0))
ORDER BY b.number, b.snapshot_id;
