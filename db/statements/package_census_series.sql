-- Every ended census of the registry of a package, with the block that holds the package if the block changed.
SELECT c.snapshot_id, s.taken_at, s.status, b.is_keyframe, b.codec, b.content
FROM package p JOIN snapshot s ON s.registry_id = p.registry_id JOIN census c ON c.snapshot_id = s.snapshot_id
LEFT JOIN observation_block b ON b.registry_id = p.registry_id AND b.number = p.package_id >> 16
 AND b.snapshot_id = c.snapshot_id
WHERE p.package_id = :package ORDER BY c.snapshot_id;
