-- The previous list, for each depth K that the snapshot reaches: the view `previous_list` chooses it. The columns are those of
-- `ranking`.
WITH nearest AS (
    SELECT p.k, e.snapshot_id, e.ordered_by, e.kind, e.date, e.taken_at, e.depth, e.next_value
    FROM previous_list p JOIN snapshot e ON e.snapshot_id = p.previous_snapshot_id
    WHERE p.snapshot_id = :snapshot),
listed AS (
    SELECT n.snapshot_id, r.rank, r.package_id,
           CAST(CASE n.ordered_by WHEN 'downloads' THEN r.downloads WHEN 'likes' THEN r.likes
                                  WHEN 'dependents' THEN r.dependents ELSE r.trending END AS DOUBLE) AS value
    FROM (SELECT DISTINCT snapshot_id, ordered_by FROM nearest) n JOIN ranking r ON r.snapshot_id = n.snapshot_id),
last_rank AS (
    SELECT n.k, n.snapshot_id, MAX(l.rank) AS rank
    FROM nearest n JOIN listed l ON l.snapshot_id = n.snapshot_id AND l.rank <= n.k GROUP BY n.k, n.snapshot_id),
cutoff AS (
    SELECT e.k, e.snapshot_id, l.value
    FROM last_rank e JOIN listed l ON l.snapshot_id = e.snapshot_id AND l.rank = e.rank),
first_untied AS (
    SELECT c.k, MIN(l.rank) AS rank
    FROM cutoff c JOIN listed l ON l.snapshot_id = c.snapshot_id AND l.rank > c.k AND l.value <> c.value GROUP BY c.k)
SELECT n.k, n.snapshot_id AS snapshot, n.date, n.taken_at, l.rank, l.package_id AS package, l.value,
       CASE WHEN u.rank IS NULL AND n.kind = 'top' AND (n.next_value IS NULL OR n.next_value >= c.value)
            THEN 1 ELSE 0 END AS unseen,
       CASE WHEN g.stable_id LIKE 'name:%' THEN 1 ELSE 0 END AS name_only
FROM nearest n
JOIN cutoff c ON c.k = n.k
LEFT JOIN first_untied u ON u.k = n.k
JOIN listed l ON l.snapshot_id = n.snapshot_id
 AND l.rank < COALESCE(u.rank, CASE WHEN c.value IS NULL THEN n.k ELSE n.depth END + 1)
LEFT JOIN package g ON g.package_id = l.package_id
ORDER BY n.k, l.rank
