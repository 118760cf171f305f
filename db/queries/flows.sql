-- Counts of the packages that came and went, at each depth K that a complete snapshot reaches. Compared with the previous list
-- (the view `previous_list`), and with the lists of all earlier days, which `top_k_membership` summarises. `listed` counts the
-- ranks that could be read. `ever` counts the packages that have been in the top K up to now. Only these two lists are read,
-- however long the history is.
WITH target AS (
    SELECT snapshot_id, registry_id, ordered_by, counter, taken_at, depth, taken_at - taken_at % 86400 AS day_start
    FROM snapshot WHERE snapshot_id = :snapshot AND status = 'complete'),
previous AS (SELECT k, previous_snapshot_id FROM previous_list WHERE snapshot_id = :snapshot),
depths AS (  -- no snapshot has the number 0: it stands for no previous list
    SELECT d.k, COALESCE(p.previous_snapshot_id, 0) AS previous_id
    FROM target t CROSS JOIN ranking_depth d LEFT JOIN previous p ON p.k = d.k WHERE d.k <= t.depth),
previous_snapshots AS (SELECT previous_id AS snapshot_id, MAX(k) AS k FROM depths GROUP BY previous_id),
previous_ranks AS (
    SELECT r.snapshot_id, r.package_id, r.rank
    FROM previous_snapshots p CROSS JOIN ranking r WHERE r.snapshot_id = p.snapshot_id AND r.rank <= p.k),
risen AS (
    SELECT p.snapshot_id, r.package_id, r.rank, b.rank AS previous_rank
    FROM target t
    CROSS JOIN previous_snapshots p
    CROSS JOIN ranking r
    LEFT JOIN previous_ranks b ON b.snapshot_id = p.snapshot_id AND b.package_id = r.package_id
    WHERE r.snapshot_id = t.snapshot_id AND r.rank <= p.k AND (b.rank IS NULL OR b.rank > r.rank)),
entries AS (
    SELECT d.k, COUNT(*) AS packages, SUM(CASE WHEN m.first_at < t.day_start THEN 1 ELSE 0 END) AS came_back
    FROM target t
    CROSS JOIN risen l
    CROSS JOIN depths d
    LEFT JOIN top_k_membership m ON m.registry_id = t.registry_id AND m.ordered_by = t.ordered_by
     AND m.counter = t.counter AND m.k = d.k AND m.package_id = l.package_id
    WHERE d.previous_id = l.snapshot_id AND d.k >= l.rank AND (l.previous_rank IS NULL OR l.previous_rank > d.k)
    GROUP BY d.k),
size AS (
    SELECT d.k,
           (SELECT COUNT(*) FROM ranking r WHERE r.snapshot_id = t.snapshot_id AND r.rank <= d.k) AS packages,
           (SELECT COUNT(*) FROM top_k_membership m
            WHERE m.registry_id = t.registry_id AND m.ordered_by = t.ordered_by AND m.counter = t.counter
              AND m.k = d.k AND m.first_at < t.day_start) AS members
    FROM target t CROSS JOIN depths d),
previous_size AS (
    SELECT d.k, COUNT(*) AS packages
    FROM depths d CROSS JOIN ranking r
    WHERE r.snapshot_id = d.previous_id AND r.rank <= d.k
    GROUP BY d.k)
SELECT z.k, t.snapshot_id AS snapshot, t.taken_at, z.packages AS listed, b.snapshot_id AS previous_snapshot,
       b.taken_at AS previous_at, n.packages AS previous_listed, z.packages - COALESCE(e.packages, 0) AS remained,
       COALESCE(e.packages - e.came_back, 0) AS newcomers, COALESCE(e.came_back, 0) AS came_back,
       z.members + COALESCE(e.packages - e.came_back, 0) AS ever
FROM target t
CROSS JOIN size z
LEFT JOIN previous p ON p.k = z.k
LEFT JOIN snapshot b ON b.snapshot_id = p.previous_snapshot_id
LEFT JOIN previous_size n ON n.k = z.k
LEFT JOIN entries e ON e.k = z.k
WHERE z.packages > 0
ORDER BY z.k
