-- The parents that the first :depth packages of :snapshot or of :previous name, with the number of their children in each list.
-- A child counts once for each parent, and once for each relation to it. A package is not its own parent.
WITH lists AS (
    SELECT snapshot_id, taken_at FROM snapshot WHERE snapshot_id IN (:snapshot, :previous) AND status = 'complete'),
links AS (
    SELECT DISTINCT s.snapshot_id, e.child_id, e.relation, e.parent_id,
           CASE WHEN e.parent_id IS NULL THEN e.parent_name END AS unknown_parent
    FROM lists s
    JOIN ranking r ON r.snapshot_id = s.snapshot_id AND r.rank <= :depth
    JOIN lineage_edge e ON e.child_id = r.package_id
     AND e.valid_from <= s.taken_at AND (e.valid_to IS NULL OR e.valid_to > s.taken_at)
    WHERE e.parent_id IS NULL OR e.parent_id <> e.child_id),
parents AS (
    SELECT parent_id, unknown_parent,
           COUNT(DISTINCT CASE WHEN snapshot_id = :snapshot THEN child_id END) AS children,
           COUNT(DISTINCT CASE WHEN snapshot_id = :previous THEN child_id END) AS previous_children,
           SUM(CASE WHEN snapshot_id = :snapshot AND relation = 'finetune' THEN 1 ELSE 0 END) AS finetune,
           SUM(CASE WHEN snapshot_id = :snapshot AND relation = 'adapter' THEN 1 ELSE 0 END) AS adapter,
           SUM(CASE WHEN snapshot_id = :snapshot AND relation = 'merge' THEN 1 ELSE 0 END) AS merge,
           SUM(CASE WHEN snapshot_id = :snapshot AND relation = 'quantized' THEN 1 ELSE 0 END) AS quantized,
           SUM(CASE WHEN snapshot_id = :snapshot AND relation = 'unstated' THEN 1 ELSE 0 END) AS unstated
    FROM links GROUP BY parent_id, unknown_parent),
names AS (
    SELECT p.parent_id, a.name FROM parents p JOIN lists s ON s.snapshot_id = :snapshot JOIN alias a ON a.package_id = p.parent_id
     AND a.valid_from <= s.taken_at AND (a.valid_to IS NULL OR a.valid_to > s.taken_at))
SELECT g.stable_id AS package, COALESCE(a.name, g.name, p.unknown_parent) AS name, r.rank, r.downloads,
       p.children, p.previous_children, p.finetune, p.adapter, p.merge, p.quantized, p.unstated
FROM parents p
JOIN lists s ON s.snapshot_id = :snapshot
LEFT JOIN package g ON g.package_id = p.parent_id
LEFT JOIN names a ON a.parent_id = p.parent_id
LEFT JOIN ranking r ON r.snapshot_id = :snapshot AND r.package_id = p.parent_id
ORDER BY p.children DESC, COALESCE(a.name, g.name, p.unknown_parent)
