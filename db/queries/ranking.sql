-- The list of one complete snapshot at each depth K that it reaches: its first K ranks, and the lower ranks that tie with
-- rank K. `value` is the counter that orders the list. `unseen` is 1 if more packages may tie below the last listed rank.
-- `name_only` is 1 if the package is known by its name alone.
WITH target AS (
    SELECT snapshot_id, registry_id, ordered_by, counter, kind, date, taken_at, depth, next_value
    FROM snapshot WHERE snapshot_id = :snapshot AND status = 'complete'),
listed AS (
    SELECT r.rank, r.package_id,
           CAST(CASE t.ordered_by WHEN 'downloads' THEN r.downloads WHEN 'likes' THEN r.likes
                                  WHEN 'dependents' THEN r.dependents ELSE r.trending END AS DOUBLE) AS value
    FROM target t JOIN ranking r ON r.snapshot_id = t.snapshot_id),
last_rank AS (
    SELECT d.k, MAX(l.rank) AS rank
    FROM target t JOIN ranking_depth d ON d.k <= t.depth JOIN listed l ON l.rank <= d.k GROUP BY d.k),
cutoff AS (SELECT e.k, l.value FROM last_rank e JOIN listed l ON l.rank = e.rank),
first_untied AS (
    SELECT c.k, MIN(l.rank) AS rank
    FROM cutoff c JOIN listed l ON l.rank > c.k AND l.value <> c.value GROUP BY c.k)
SELECT c.k, t.snapshot_id AS snapshot, t.date, t.taken_at, l.rank, l.package_id AS package, l.value,
       CASE WHEN u.rank IS NULL AND t.kind = 'top' AND (t.next_value IS NULL OR t.next_value >= c.value)
            THEN 1 ELSE 0 END AS unseen,
       CASE WHEN g.stable_id LIKE 'name:%' THEN 1 ELSE 0 END AS name_only
FROM target t
JOIN cutoff c ON c.k <= t.depth
LEFT JOIN first_untied u ON u.k = c.k
JOIN listed l ON l.rank < COALESCE(u.rank, CASE WHEN c.value IS NULL THEN c.k ELSE t.depth END + 1)
LEFT JOIN package g ON g.package_id = l.package_id
ORDER BY c.k, l.rank
