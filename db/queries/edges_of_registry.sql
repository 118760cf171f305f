-- Every lineage edge of the registry of a snapshot, at its instant; `parent` is -1 where the name dangles.
SELECT e.child_id AS child, COALESCE(e.parent_id, -1) AS parent, e.relation
FROM snapshot s CROSS JOIN lineage_edge e CROSS JOIN package p
WHERE s.snapshot_id = :snapshot AND p.package_id = e.child_id AND p.registry_id = s.registry_id
  AND e.since <= s.taken_at AND (e.until IS NULL OR e.until > s.taken_at)
ORDER BY child, parent, relation
