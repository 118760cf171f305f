-- Who the packages of a complete snapshot say they were made from, at its instant; `parent` is NULL where the name dangles.
SELECT e.child_id AS child, COALESCE(a.name, p.name) AS child_name, e.parent_id AS parent, e.parent_name, e.relation
FROM snapshot s
JOIN ranking r ON r.snapshot_id = s.snapshot_id
JOIN package p ON p.package_id = r.package_id
JOIN lineage_edge e ON e.child_id = r.package_id AND e.since <= s.taken_at AND (e.until IS NULL OR e.until > s.taken_at)
LEFT JOIN alias a ON a.package_id = r.package_id AND a.since <= s.taken_at AND (a.until IS NULL OR a.until > s.taken_at)
WHERE s.snapshot_id = :snapshot AND s.status = 'complete'
ORDER BY e.child_id, e.parent_name, e.relation, e.since
