-- The packages that entered, left or were renamed in the top :k, between a complete snapshot and its previous list (the view
-- `previous_list`). A rank below :k may be that of the deepest list of the same day, if this list does not have the package.
-- `deepest_rank` is its rank in that list, also within :k.
-- For a package that entered: `first_at` is when any list of an earlier day had it first, `member_at` when this top K had it last.
WITH target AS (
    SELECT s.snapshot_id, s.registry_id, s.ordered_by, s.counter, s.date, s.taken_at, p.previous_snapshot_id
    FROM snapshot s JOIN previous_list p ON p.snapshot_id = s.snapshot_id AND p.k = :k
    WHERE s.snapshot_id = :snapshot),
previous AS (
    SELECT e.snapshot_id, e.date, e.taken_at FROM target t JOIN snapshot e ON e.snapshot_id = t.previous_snapshot_id),
same_day AS (
    SELECT e.snapshot_id, e.depth, CASE WHEN e.date = t.date THEN 1 ELSE 0 END AS is_now,
           CASE WHEN e.snapshot_id IN (t.snapshot_id, t.previous_snapshot_id) THEN 1 ELSE 0 END AS is_compared,
           ROW_NUMBER() OVER (PARTITION BY e.date ORDER BY e.depth DESC, e.snapshot_id) AS place
    FROM target t
    CROSS JOIN previous b
    JOIN snapshot e ON e.registry_id = t.registry_id AND e.ordered_by = t.ordered_by AND e.counter = t.counter
     AND e.status = 'complete' AND e.date IN (t.date, b.date)),
depths AS (SELECT depth FROM same_day WHERE is_now = 1 AND place = 1),
listed AS (
    SELECT r.package_id, l.is_now, l.is_compared, l.place, r.rank
    FROM same_day l JOIN ranking r ON r.snapshot_id = l.snapshot_id
    WHERE l.is_compared = 1 OR l.place = 1),
ranks AS (
    SELECT package_id,
           COALESCE(MAX(CASE WHEN is_now = 1 AND is_compared = 1 THEN rank END),
                    MAX(CASE WHEN is_now = 1 AND rank > :k THEN rank END)) AS rank,
           COALESCE(MAX(CASE WHEN is_now = 0 AND is_compared = 1 THEN rank END),
                    MAX(CASE WHEN is_now = 0 AND rank > :k THEN rank END)) AS previous_rank,
           MAX(CASE WHEN is_now = 1 AND place = 1 THEN rank END) AS deepest_rank
    FROM listed GROUP BY package_id),
history AS (
    SELECT p.package_id, MIN(e.taken_at) AS first_at, MAX(CASE WHEN r.rank <= l.k THEN e.taken_at END) AS member_at
    FROM ranks p
    CROSS JOIN target t
    JOIN ranking r ON r.package_id = p.package_id
    JOIN snapshot e ON e.snapshot_id = r.snapshot_id AND e.registry_id = t.registry_id AND e.ordered_by = t.ordered_by
     AND e.counter = t.counter AND e.status = 'complete' AND e.date < t.date
    LEFT JOIN list_of_day l ON l.snapshot_id = e.snapshot_id AND l.k = :k
    WHERE p.rank <= :k AND (p.previous_rank > :k OR p.previous_rank IS NULL) GROUP BY p.package_id),
names AS (
    SELECT p.package_id, a.name, a.valid_from, a.valid_to FROM ranks p JOIN alias a ON a.package_id = p.package_id
    WHERE p.rank <= :k OR p.previous_rank <= :k)
SELECT b.snapshot_id AS previous_snapshot, b.date AS previous_date, b.taken_at AS previous_at,
       d.depth, g.stable_id AS package, COALESCE(n.name, g.name) AS name,
       COALESCE(o.name, g.name) AS previous_name, p.rank, p.previous_rank, p.deepest_rank, g.created_at, h.first_at, h.member_at
FROM target t
CROSS JOIN previous b
CROSS JOIN depths d
JOIN ranks p ON p.rank <= :k OR p.previous_rank <= :k
JOIN package g ON g.package_id = p.package_id
LEFT JOIN names n ON n.package_id = p.package_id
 AND n.valid_from <= t.taken_at AND (n.valid_to IS NULL OR n.valid_to > t.taken_at)
LEFT JOIN names o ON o.package_id = p.package_id
 AND o.valid_from <= b.taken_at AND (o.valid_to IS NULL OR o.valid_to > b.taken_at)
LEFT JOIN history h ON h.package_id = p.package_id
WHERE p.rank > :k OR p.rank IS NULL OR p.previous_rank > :k OR p.previous_rank IS NULL OR n.name <> o.name
ORDER BY COALESCE(p.rank, 2147483647), p.previous_rank, g.stable_id
