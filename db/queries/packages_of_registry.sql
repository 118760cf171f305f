-- Every package in the registry of a snapshot, with its author and its times. A package without a creation date counts as
-- created when it was first seen. `modified_at` is -1 if unknown.
SELECT p.package_id AS package, COALESCE(p.created_at, p.first_seen_at) AS created_at,
       COALESCE(p.modified_at, -1) AS modified_at,
       CASE WHEN instr(p.name, '/') > 0 THEN substr(p.name, 1, instr(p.name, '/') - 1) ELSE '' END AS author
FROM package p
WHERE +p.registry_id = (SELECT s.registry_id FROM snapshot s WHERE s.snapshot_id = :snapshot)  -- +: scan in order, no index
ORDER BY package
