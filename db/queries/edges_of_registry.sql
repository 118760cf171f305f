-- Every lineage edge in the registry of a snapshot, at the time of the snapshot. `parent` is -1 if no known package has the
-- parent's name.
SELECT e.child_id AS child, COALESCE(e.parent_id, -1) AS parent, e.relation
FROM snapshot s CROSS JOIN lineage_edge e CROSS JOIN package p
WHERE s.snapshot_id = :snapshot AND p.package_id = e.child_id AND p.registry_id = s.registry_id
  AND e.valid_from <= s.taken_at AND (e.valid_to IS NULL OR e.valid_to > s.taken_at)
ORDER BY child, parent, relation
