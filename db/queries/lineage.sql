-- The parents that the packages of a complete snapshot name, at its time. `parent` is NULL if no known package has the name.
-- `child_rank` is the rank of the child, and `depth` that of the list.
WITH listed AS (
    SELECT r.package_id, r.rank, s.taken_at, s.depth
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete'),
name_at_snapshot AS (
    SELECT l.package_id, a.name
    FROM listed l
    JOIN alias a ON a.package_id = l.package_id
     AND a.valid_from <= l.taken_at AND (a.valid_to IS NULL OR a.valid_to > l.taken_at))
SELECT e.child_id AS child, COALESCE(n.name, p.name) AS child_name, e.parent_id AS parent, e.parent_name, e.relation,
       l.rank AS child_rank, l.depth
FROM listed l
JOIN package p ON p.package_id = l.package_id
JOIN lineage_edge e ON e.child_id = l.package_id
 AND e.valid_from <= l.taken_at AND (e.valid_to IS NULL OR e.valid_to > l.taken_at)
LEFT JOIN name_at_snapshot n ON n.package_id = l.package_id
ORDER BY e.child_id, e.parent_name, e.relation, e.valid_from
