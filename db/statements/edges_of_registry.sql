-- Every lineage edge of a registry at the instant of a snapshot; -1 where the parent's name names nothing known.
SELECT e.child_id, coalesce(e.parent_id, -1), e.relation
FROM snapshot s CROSS JOIN lineage_edge e ON e.since <= s.taken_at AND (e.until IS NULL OR e.until > s.taken_at)
CROSS JOIN package p ON p.package_id = e.child_id AND p.registry_id = s.registry_id
WHERE s.snapshot_id = :snapshot;
