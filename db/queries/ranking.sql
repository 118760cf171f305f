-- One complete snapshot's list at each depth K it reaches: its first K ranks, and below them what ties with rank K.
-- `value` is the counter it is ordered by; `unseen` is 1 where more may tie below the last rank that was listed.
WITH this AS (
    SELECT snapshot_id, registry_id, ordered_by, counter, kind, date, taken_at, depth, value_after
    FROM snapshot WHERE snapshot_id = :snapshot AND status = 'complete'),
listed AS (
    SELECT r.rank, r.package_id,
           CAST(CASE t.ordered_by WHEN 'downloads' THEN r.downloads WHEN 'likes' THEN r.likes
                                  WHEN 'dependents' THEN r.dependents ELSE r.trending END AS DOUBLE) AS value
    FROM this t JOIN ranking r ON r.snapshot_id = t.snapshot_id),
edge AS (
    SELECT d.k, MAX(l.rank) AS rank
    FROM this t JOIN depth d ON d.k <= t.depth JOIN listed l ON l.rank <= d.k GROUP BY d.k),
cutoff AS (SELECT e.k, l.value FROM edge e JOIN listed l ON l.rank = e.rank),
past AS (
    SELECT c.k, MIN(l.rank) AS rank
    FROM cutoff c JOIN listed l ON l.rank > c.k AND l.value <> c.value GROUP BY c.k)
SELECT c.k, t.snapshot_id AS snapshot, t.date, t.taken_at, l.rank, l.package_id AS package, l.value,
       CASE WHEN p.rank IS NULL AND t.kind = 'top' AND (t.value_after IS NULL OR t.value_after >= c.value)
            THEN 1 ELSE 0 END AS unseen
FROM this t
JOIN cutoff c ON c.k <= t.depth
LEFT JOIN past p ON p.k = c.k
JOIN listed l ON l.rank < COALESCE(p.rank, CASE WHEN c.value IS NULL THEN c.k ELSE t.depth END + 1)
ORDER BY c.k, l.rank
