-- The blocks from which one census is read. For each block number: the last keyframe, the delta from that keyframe if there is
-- one (codec 3), and every later delta.
SELECT b.number, b.snapshot_id, b.is_keyframe, b.codec, b.content
FROM (SELECT number, max(snapshot_id) AS keyframe FROM observation_block
      WHERE registry_id = :registry AND is_keyframe AND snapshot_id <= :snapshot GROUP BY number) k
LEFT JOIN (SELECT number, max(snapshot_id) AS half_way FROM observation_block
      WHERE registry_id = :registry AND codec = 3 AND snapshot_id <= :snapshot GROUP BY number) h ON h.number = k.number
JOIN observation_block b ON b.registry_id = :registry AND b.number = k.number
 AND b.snapshot_id >= k.keyframe AND b.snapshot_id <= :snapshot
 AND (b.snapshot_id = k.keyframe OR b.snapshot_id >= coalesce(h.half_way, 0))
ORDER BY b.number, b.snapshot_id;
