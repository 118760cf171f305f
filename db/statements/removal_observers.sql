-- The packages that a removed import touched, and what else has observed them.
-- A package that only the file named as a parent is in no list. It was first and last seen at the time of the file.
INSERT INTO touched_package (package_id)
SELECT package_id FROM ranking WHERE snapshot_id = :snapshot
UNION SELECT e.parent FROM ranking r JOIN edge e ON e.child_id = r.package_id JOIN package p ON p.package_id = e.parent
WHERE r.snapshot_id = :snapshot AND p.first_seen_at = :at AND p.seen_at = :at;

INSERT INTO observer (package_id, snapshot_id, taken_at)
SELECT t.package_id, s.snapshot_id, s.taken_at
FROM touched_package t CROSS JOIN ranking r ON r.package_id = t.package_id CROSS JOIN snapshot s ON s.snapshot_id = r.snapshot_id
WHERE r.snapshot_id <> :snapshot;
