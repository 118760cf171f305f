-- The libraries of the packages that a complete snapshot lists, and of their parents, at the time of the snapshot.
-- `kind` is library, format (file formats) or tracker (log formats). A package without a row has no known library.
WITH listed AS (
    SELECT r.package_id, s.taken_at
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete'),
family AS (
    SELECT package_id, taken_at FROM listed
    UNION
    SELECT e.parent_id, l.taken_at
    FROM listed l
    JOIN lineage_edge e ON e.child_id = l.package_id AND e.parent_id IS NOT NULL
     AND e.valid_from <= l.taken_at AND (e.valid_to IS NULL OR e.valid_to > l.taken_at))
SELECT f.package_id AS package, b.library, b.kind
FROM family f
JOIN package_library b ON b.package_id = f.package_id AND b.valid_from <= f.taken_at
 AND (b.valid_to IS NULL OR b.valid_to > f.taken_at)
ORDER BY f.package_id, b.library
