-- Every package of the registry of a snapshot, with the instants that are known of it (else -1) and its author. One that
-- nobody says when it was made is taken as made when it was first written down.
SELECT p.package_id AS package, COALESCE(p.created_at, p.known_at) AS created_at, COALESCE(p.modified_at, -1) AS modified_at,
       CASE WHEN instr(p.name, '/') > 0 THEN substr(p.name, 1, instr(p.name, '/') - 1) ELSE '' END AS author
FROM package p
WHERE +p.registry_id = (SELECT s.registry_id FROM snapshot s WHERE s.snapshot_id = :snapshot)  -- +: in order, by no index
ORDER BY package
