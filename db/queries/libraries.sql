-- The libraries, at the instant of a complete snapshot, of the packages it lists and of those they were made from.
-- `kind` is library, format (what the files are) or tracker (what the logs are). A package without a row has none known.
WITH listed AS (
    SELECT r.package_id, s.taken_at
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete'),
wanted AS (
    SELECT package_id, taken_at FROM listed
    UNION
    SELECT e.parent_id, l.taken_at
    FROM listed l
    JOIN lineage_edge e ON e.child_id = l.package_id AND e.parent_id IS NOT NULL
     AND e.since <= l.taken_at AND (e.until IS NULL OR e.until > l.taken_at))
SELECT w.package_id AS package, b.library, b.kind
FROM wanted w
JOIN package_library b ON b.package_id = w.package_id AND b.since <= w.taken_at
 AND (b.until IS NULL OR b.until > w.taken_at)
ORDER BY w.package_id, b.library
