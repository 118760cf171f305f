-- Counts of the packages that came and went, at each depth K that a complete snapshot reaches. Compared with the previous list
-- (as in `previous_ranking`), and with all earlier lists of the series, which `top_k_membership` summarises. `listed` counts
-- the ranks that could be read. `ever` counts the packages that have been in the top K up to now. Only these two lists are
-- read, however long the history is.
WITH target AS (
    SELECT snapshot_id, registry_id, ordered_by, counter, taken_at, depth
    FROM snapshot WHERE snapshot_id = :snapshot AND status = 'complete'),
depths AS (SELECT d.k FROM target t CROSS JOIN ranking_depth d WHERE d.k <= t.depth),
-- Among lists of the same time, the list with the smaller snapshot number is the earlier one.
latest AS (
    SELECT d.k, (
        SELECT MAX(e.taken_at) FROM snapshot e
        WHERE e.registry_id = t.registry_id AND e.ordered_by = t.ordered_by AND e.counter = t.counter
          AND e.taken_at <= t.taken_at AND (e.taken_at < t.taken_at OR e.snapshot_id < t.snapshot_id)
          AND e.status = 'complete' AND e.depth >= d.k) AS taken_at
    FROM target t CROSS JOIN ranking_depth d WHERE d.k <= t.depth),
previous AS (
    SELECT n.k, n.taken_at, MAX(e.snapshot_id) AS snapshot_id
    FROM target t CROSS JOIN latest n CROSS JOIN snapshot e
    WHERE e.registry_id = t.registry_id AND e.ordered_by = t.ordered_by AND e.counter = t.counter
      AND e.taken_at = n.taken_at
      AND CASE WHEN e.taken_at < t.taken_at OR e.snapshot_id < t.snapshot_id THEN 1 ELSE 0 END = 1
      AND e.status = 'complete' AND n.k <= e.depth
    GROUP BY n.k, n.taken_at),
previous_snapshots AS (SELECT snapshot_id, MAX(k) AS k FROM previous GROUP BY snapshot_id),
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
same_time AS (
    SELECT d.k, r.package_id, MAX(CASE WHEN e.snapshot_id < t.snapshot_id THEN 1 ELSE 0 END) AS is_earlier
    FROM target t CROSS JOIN snapshot e CROSS JOIN depths d CROSS JOIN ranking r
    WHERE e.registry_id = t.registry_id AND e.ordered_by = t.ordered_by AND e.counter = t.counter
      AND e.taken_at = t.taken_at AND e.snapshot_id <> t.snapshot_id AND e.status = 'complete' AND d.k <= e.depth
      AND r.snapshot_id = e.snapshot_id AND r.rank <= d.k
    GROUP BY d.k, r.package_id),
entries AS (
    SELECT p.k, COUNT(*) AS packages,
           SUM(CASE WHEN m.first_at < t.taken_at OR s.is_earlier = 1 THEN 1 ELSE 0 END) AS came_back
    FROM target t
    CROSS JOIN risen l
    CROSS JOIN previous p
    CROSS JOIN top_k_membership m
    LEFT JOIN same_time s ON s.k = p.k AND s.package_id = l.package_id
    WHERE p.snapshot_id = l.snapshot_id AND p.k >= l.rank AND (l.previous_rank IS NULL OR l.previous_rank > p.k)
      AND m.registry_id = t.registry_id AND m.ordered_by = t.ordered_by AND m.counter = t.counter AND m.k = p.k
      AND m.package_id = l.package_id
    GROUP BY p.k),
-- `top_k_membership` also has the packages that only a later list of the same time has: subtract them.
only_later AS (
    SELECT s.k, COUNT(*) AS packages
    FROM target t
    CROSS JOIN same_time s
    JOIN top_k_membership m ON m.registry_id = t.registry_id AND m.ordered_by = t.ordered_by AND m.counter = t.counter
     AND m.k = s.k AND m.package_id = s.package_id AND m.first_at = t.taken_at
    LEFT JOIN ranking r ON r.package_id = s.package_id AND r.snapshot_id = t.snapshot_id AND r.rank <= s.k
    WHERE s.is_earlier = 0 AND r.rank IS NULL
    GROUP BY s.k),
size AS (
    SELECT d.k,
           (SELECT COUNT(*) FROM ranking r WHERE r.snapshot_id = t.snapshot_id AND r.rank <= d.k) AS packages,
           (SELECT COUNT(*) FROM top_k_membership m
            WHERE m.registry_id = t.registry_id AND m.ordered_by = t.ordered_by AND m.counter = t.counter
              AND m.k = d.k AND m.first_at <= t.taken_at) AS members
    FROM target t CROSS JOIN depths d),
previous_size AS (
    SELECT d.k, COUNT(*) AS packages
    FROM ranking_depth d CROSS JOIN previous p CROSS JOIN ranking r
    WHERE p.k = d.k AND r.snapshot_id = p.snapshot_id AND r.rank <= d.k
    GROUP BY d.k)
SELECT z.k, t.snapshot_id AS snapshot, t.taken_at, z.packages AS listed, p.snapshot_id AS previous_snapshot,
       p.taken_at AS previous_at, b.packages AS previous_listed, z.packages - COALESCE(e.packages, 0) AS remained,
       COALESCE(e.packages - e.came_back, 0) AS newcomers, COALESCE(e.came_back, 0) AS came_back,
       z.members - COALESCE(n.packages, 0) AS ever
FROM target t
CROSS JOIN size z
LEFT JOIN previous p ON p.k = z.k
LEFT JOIN previous_size b ON b.k = z.k
LEFT JOIN entries e ON e.k = z.k
LEFT JOIN only_later n ON n.k = z.k
WHERE z.packages > 0
ORDER BY z.k
