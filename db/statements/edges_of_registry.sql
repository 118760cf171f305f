-- Every lineage edge of a registry at the instant of a snapshot: -1 where the parent's name names nothing known, the relation
-- by its place in `db.rows.RELATIONS`.
SELECT e.child_id, CASE typeof(e.parent) WHEN 'integer' THEN e.parent ELSE -1 END, e.relation
FROM snapshot s CROSS JOIN edge e
CROSS JOIN package p ON p.package_id = e.child_id AND p.registry_id = s.registry_id
WHERE s.snapshot_id = :snapshot AND p.known_at + e.since <= s.taken_at
  AND (e.until IS NULL OR p.known_at + e.until > s.taken_at);
