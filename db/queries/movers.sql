-- The packages that entered, left or were renamed in the top :k, between a complete snapshot and the previous one that deep.
-- For a package that entered: `first_at` is when any earlier list had it first, `member_at` when this top K had it last.
WITH target AS (
    SELECT snapshot_id, registry_id, ordered_by, counter, date, taken_at, depth
    FROM snapshot WHERE snapshot_id = :snapshot AND status = 'complete' AND depth >= :k),
earlier AS (
    SELECT e.snapshot_id, e.date, e.taken_at, e.depth
    FROM target t
    JOIN snapshot e ON e.registry_id = t.registry_id AND e.ordered_by = t.ordered_by AND e.counter = t.counter
     AND e.status = 'complete'
     AND (e.taken_at < t.taken_at OR (e.taken_at = t.taken_at AND e.snapshot_id < t.snapshot_id))),
previous AS (
    SELECT snapshot_id, date, taken_at, depth,
           ROW_NUMBER() OVER (ORDER BY taken_at DESC, snapshot_id DESC) AS nearness
    FROM earlier WHERE depth >= :k),
ranks AS (
    SELECT package_id, MAX(rank) AS rank, MAX(previous_rank) AS previous_rank
    FROM (SELECT r.package_id, r.rank, NULL AS previous_rank
          FROM target t JOIN ranking r ON r.snapshot_id = t.snapshot_id
          UNION ALL
          SELECT r.package_id, NULL, r.rank
          FROM previous b JOIN ranking r ON r.snapshot_id = b.snapshot_id WHERE b.nearness = 1) listed
    GROUP BY package_id),
history AS (
    SELECT p.package_id, MIN(e.taken_at) AS first_at,
           MAX(CASE WHEN r.rank <= :k AND e.depth >= :k THEN e.taken_at END) AS member_at
    FROM ranks p JOIN ranking r ON r.package_id = p.package_id JOIN earlier e ON e.snapshot_id = r.snapshot_id
    WHERE p.rank <= :k AND (p.previous_rank > :k OR p.previous_rank IS NULL) GROUP BY p.package_id),
names AS (
    SELECT p.package_id, a.name, a.valid_from, a.valid_to FROM ranks p JOIN alias a ON a.package_id = p.package_id
    WHERE p.rank <= :k OR p.previous_rank <= :k)
SELECT b.snapshot_id AS previous_snapshot, b.date AS previous_date, b.taken_at AS previous_at,
       t.depth, g.stable_id AS package, COALESCE(n.name, g.name) AS name,
       COALESCE(o.name, g.name) AS previous_name, p.rank, p.previous_rank, g.created_at, h.first_at, h.member_at
FROM target t
JOIN previous b ON b.nearness = 1
JOIN ranks p ON p.rank <= :k OR p.previous_rank <= :k
JOIN package g ON g.package_id = p.package_id
LEFT JOIN names n ON n.package_id = p.package_id
 AND n.valid_from <= t.taken_at AND (n.valid_to IS NULL OR n.valid_to > t.taken_at)
LEFT JOIN names o ON o.package_id = p.package_id
 AND o.valid_from <= b.taken_at AND (o.valid_to IS NULL OR o.valid_to > b.taken_at)
LEFT JOIN history h ON h.package_id = p.package_id
WHERE p.rank > :k OR p.rank IS NULL OR p.previous_rank > :k OR p.previous_rank IS NULL OR n.name <> o.name
ORDER BY COALESCE(p.rank, 2147483647), p.previous_rank, g.stable_id
