-- Who the packages of a complete snapshot say they were made from, at its instant; `parent` is NULL where the name dangles.
WITH listed AS (
    SELECT r.package_id, s.taken_at
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete'),
named AS (
    SELECT l.package_id, a.name
    FROM listed l
    JOIN alias a ON a.package_id = l.package_id AND a.since <= l.taken_at AND (a.until IS NULL OR a.until > l.taken_at))
SELECT e.child_id AS child, COALESCE(n.name, p.name) AS child_name, e.parent_id AS parent, e.parent_name, e.relation
FROM listed l
JOIN package p ON p.package_id = l.package_id
JOIN lineage_edge e ON e.child_id = l.package_id AND e.since <= l.taken_at AND (e.until IS NULL OR e.until > l.taken_at)
LEFT JOIN named n ON n.package_id = l.package_id
ORDER BY e.child_id, e.parent_name, e.relation, e.since
