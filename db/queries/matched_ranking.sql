-- Earlier lists at stated gaps, for each depth K that the snapshot reaches. For each gap, the list of the day (the view
-- `list_of_day`) of the same series that is closest to `gap` days earlier. It may miss the gap by 20 %. The columns are
-- those of `ranking`.
WITH target AS (
    SELECT snapshot_id, registry_id, ordered_by, counter, taken_at, depth
    FROM snapshot WHERE snapshot_id = :snapshot AND status = 'complete'),
gaps AS (
    SELECT 7 AS gap UNION ALL SELECT 30 UNION ALL SELECT 91 UNION ALL SELECT 182 UNION ALL SELECT 365),
earlier AS (
    SELECT g.gap, l.k, e.snapshot_id, e.ordered_by, e.kind, e.date, e.taken_at, e.depth, e.next_value,
           ROW_NUMBER() OVER (PARTITION BY g.gap, l.k ORDER BY ABS(t.taken_at - e.taken_at - g.gap * 86400),
                              e.taken_at DESC) AS nearness
    FROM target t
    JOIN list_of_day l ON l.registry_id = t.registry_id AND l.ordered_by = t.ordered_by AND l.counter = t.counter
     AND l.taken_at < t.taken_at AND l.k <= t.depth
    JOIN gaps g ON ABS(t.taken_at - l.taken_at - g.gap * 86400) <= g.gap * 17280
    JOIN snapshot e ON e.snapshot_id = l.snapshot_id),
nearest AS (SELECT * FROM earlier WHERE nearness = 1),
listed AS (
    SELECT n.snapshot_id, r.rank, r.package_id,
           CAST(CASE n.ordered_by WHEN 'downloads' THEN r.downloads WHEN 'likes' THEN r.likes
                                  WHEN 'dependents' THEN r.dependents ELSE r.trending END AS DOUBLE) AS value
    FROM (SELECT DISTINCT snapshot_id, ordered_by FROM nearest) n JOIN ranking r ON r.snapshot_id = n.snapshot_id),
last_rank AS (
    SELECT n.gap, n.k, n.snapshot_id, MAX(l.rank) AS rank
    FROM nearest n JOIN listed l ON l.snapshot_id = n.snapshot_id AND l.rank <= n.k GROUP BY n.gap, n.k, n.snapshot_id),
cutoff AS (
    SELECT e.gap, e.k, e.snapshot_id, l.value
    FROM last_rank e JOIN listed l ON l.snapshot_id = e.snapshot_id AND l.rank = e.rank),
first_untied AS (
    SELECT c.gap, c.k, MIN(l.rank) AS rank
    FROM cutoff c JOIN listed l ON l.snapshot_id = c.snapshot_id AND l.rank > c.k AND l.value <> c.value
    GROUP BY c.gap, c.k)
SELECT n.gap, n.k, n.snapshot_id AS snapshot, n.date, n.taken_at, l.rank, l.package_id AS package, l.value,
       CASE WHEN u.rank IS NULL AND n.kind = 'top' AND (n.next_value IS NULL OR n.next_value >= c.value)
            THEN 1 ELSE 0 END AS unseen,
       CASE WHEN g.stable_id LIKE 'name:%' THEN 1 ELSE 0 END AS name_only
FROM nearest n
JOIN cutoff c ON c.gap = n.gap AND c.k = n.k
LEFT JOIN first_untied u ON u.gap = n.gap AND u.k = n.k
JOIN listed l ON l.snapshot_id = n.snapshot_id
 AND l.rank < COALESCE(u.rank, CASE WHEN c.value IS NULL THEN n.k ELSE n.depth END + 1)
LEFT JOIN package g ON g.package_id = l.package_id
ORDER BY n.gap, n.k, l.rank
