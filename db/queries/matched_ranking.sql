-- Lists a stated gap before, at each depth K the snapshot reaches: of the complete snapshot of the same series that is
-- closest to `gap` days earlier, at most 20 % of the gap (and at least one day) away from it. Columns as in `ranking`.
WITH this AS (
    SELECT snapshot_id, registry_id, ordered_by, counter, taken_at, depth
    FROM snapshot WHERE snapshot_id = :snapshot AND status = 'complete'),
wanted AS (
    SELECT 7 AS gap UNION ALL SELECT 30 UNION ALL SELECT 91 UNION ALL SELECT 182 UNION ALL SELECT 365),
earlier AS (
    SELECT g.gap, d.k, e.snapshot_id, e.ordered_by, e.kind, e.date, e.taken_at, e.depth, e.value_after,
           ROW_NUMBER() OVER (PARTITION BY g.gap, d.k ORDER BY ABS(t.taken_at - e.taken_at - g.gap * 86400),
                              e.taken_at DESC, e.snapshot_id DESC) AS nearness
    FROM this t
    JOIN snapshot e ON e.registry_id = t.registry_id AND e.ordered_by = t.ordered_by AND e.counter = t.counter
     AND e.status = 'complete' AND e.taken_at < t.taken_at
    JOIN wanted g ON ABS(t.taken_at - e.taken_at - g.gap * 86400) <= CASE WHEN g.gap < 5 THEN 86400 ELSE g.gap * 17280 END
    JOIN depth d ON d.k <= t.depth AND d.k <= e.depth),
other AS (SELECT * FROM earlier WHERE nearness = 1),
listed AS (
    SELECT o.snapshot_id, r.rank, r.package_id,
           CAST(CASE o.ordered_by WHEN 'downloads' THEN r.downloads WHEN 'likes' THEN r.likes
                                  WHEN 'dependents' THEN r.dependents ELSE r.trending END AS DOUBLE) AS value
    FROM (SELECT DISTINCT snapshot_id, ordered_by FROM other) o JOIN ranking r ON r.snapshot_id = o.snapshot_id),
edge AS (
    SELECT o.gap, o.k, o.snapshot_id, MAX(l.rank) AS rank
    FROM other o JOIN listed l ON l.snapshot_id = o.snapshot_id AND l.rank <= o.k GROUP BY o.gap, o.k, o.snapshot_id),
cutoff AS (
    SELECT e.gap, e.k, e.snapshot_id, l.value
    FROM edge e JOIN listed l ON l.snapshot_id = e.snapshot_id AND l.rank = e.rank),
past AS (
    SELECT c.gap, c.k, MIN(l.rank) AS rank
    FROM cutoff c JOIN listed l ON l.snapshot_id = c.snapshot_id AND l.rank > c.k AND l.value <> c.value
    GROUP BY c.gap, c.k)
SELECT o.gap, o.k, o.snapshot_id AS snapshot, o.date, o.taken_at, l.rank, l.package_id AS package, l.value,
       CASE WHEN p.rank IS NULL AND o.kind = 'top' AND (o.value_after IS NULL OR o.value_after >= c.value)
            THEN 1 ELSE 0 END AS unseen
FROM other o
JOIN cutoff c ON c.gap = o.gap AND c.k = o.k
LEFT JOIN past p ON p.gap = o.gap AND p.k = o.k
JOIN listed l ON l.snapshot_id = o.snapshot_id
 AND l.rank < COALESCE(p.rank, CASE WHEN c.value IS NULL THEN o.k ELSE o.depth END + 1)
ORDER BY o.gap, o.k, l.rank
