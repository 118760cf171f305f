-- One complete snapshot's list at each depth K it reaches: its first K ranks, and below them what ties with rank K.
-- `value` is the counter it is ordered by; `unseen` is 1 where more may tie below the last rank that was listed;
-- `seen_before` is 1 where the package had been in this top K earlier, and `members_before` counts all that had.
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
    FROM cutoff c JOIN listed l ON l.rank > c.k AND l.value <> c.value GROUP BY c.k),
-- Another list of the same instant was taken before this one if its number is smaller.
same AS (
    SELECT DISTINCT e.snapshot_id, CASE WHEN e.depth < t.depth THEN e.depth ELSE t.depth END AS depth
    FROM this t
    JOIN snapshot e ON e.registry_id = t.registry_id AND e.ordered_by = t.ordered_by AND e.counter = t.counter
     AND e.taken_at = t.taken_at AND e.snapshot_id < t.snapshot_id AND e.status = 'complete'),
twin AS (
    SELECT DISTINCT d.k, r.package_id
    FROM same e JOIN depth d ON d.k <= e.depth JOIN ranking r ON r.snapshot_id = e.snapshot_id AND r.rank <= d.k),
member AS (
    SELECT m.k, COUNT(*) AS packages
    FROM this t
    JOIN membership m ON m.registry_id = t.registry_id AND m.ordered_by = t.ordered_by AND m.counter = t.counter
    LEFT JOIN twin w ON w.k = m.k AND w.package_id = m.package_id
    WHERE m.first_at < t.taken_at OR w.package_id IS NOT NULL GROUP BY m.k)
SELECT c.k, t.snapshot_id AS snapshot, t.date, t.taken_at, l.rank, l.package_id AS package, l.value,
       CASE WHEN p.rank IS NULL AND t.kind = 'top' AND (t.value_after IS NULL OR t.value_after >= c.value)
            THEN 1 ELSE 0 END AS unseen,
       CASE WHEN m.package_id IS NULL AND w.package_id IS NULL THEN 0 ELSE 1 END AS seen_before,
       COALESCE(b.packages, 0) AS members_before
FROM this t
JOIN cutoff c ON c.k <= t.depth
LEFT JOIN past p ON p.k = c.k
JOIN listed l ON l.rank < COALESCE(p.rank, CASE WHEN c.value IS NULL THEN c.k ELSE t.depth END + 1)
LEFT JOIN membership m ON m.registry_id = t.registry_id AND m.ordered_by = t.ordered_by AND m.counter = t.counter
 AND m.k = c.k AND m.package_id = l.package_id AND m.first_at < t.taken_at
LEFT JOIN twin w ON w.k = c.k AND w.package_id = l.package_id
LEFT JOIN member b ON b.k = c.k
ORDER BY c.k, l.rank
