-- The packages of the top :k of a list and of the list that it is compared with, with their ranks in both. `value` is the counter
-- that orders the list. For a package that entered: `first_at` is when an earlier list had it first, `member_at` when an earlier
-- top :k had it last. Earlier lists are those up to the compared list.
WITH target AS (SELECT * FROM snapshot WHERE snapshot_id = :snapshot),
member AS (
    SELECT package_id FROM ranking WHERE snapshot_id = :snapshot AND rank <= :k
    UNION SELECT package_id FROM ranking WHERE snapshot_id = :previous AND rank <= :k),
ranks AS (
    SELECT m.package_id, r.rank, o.rank AS previous_rank,
           CASE t.ordered_by WHEN 'downloads' THEN r.downloads WHEN 'likes' THEN r.likes
                             WHEN 'dependents' THEN r.dependents ELSE r.trending END AS value
    FROM target t CROSS JOIN member m LEFT JOIN ranking r ON r.package_id = m.package_id AND r.snapshot_id = :snapshot
    LEFT JOIN ranking o ON o.package_id = m.package_id AND o.snapshot_id = :previous),
history AS (
    SELECT p.package_id, min(e.taken_at) AS first_at, max(CASE WHEN x.rank <= :k AND e.depth >= :k THEN e.taken_at END) AS member_at
    FROM target t CROSS JOIN ranks p CROSS JOIN snapshot b CROSS JOIN ranking x CROSS JOIN snapshot e
    WHERE p.rank <= :k AND coalesce(p.previous_rank, :k + 1) > :k AND b.snapshot_id = :previous AND x.package_id = p.package_id
      AND e.snapshot_id = x.snapshot_id AND e.taken_at <= b.taken_at AND e.status = 'complete'
      AND e.ordered_by = t.ordered_by AND e.counter = t.counter
    GROUP BY p.package_id)
SELECT b.snapshot_id AS previous_snapshot, b.date AS previous_date, b.taken_at AS previous_at, t.depth, g.stable_id AS package,
       coalesce((SELECT a.name FROM alias a WHERE a.package_id = p.package_id AND a.valid_from <= t.taken_at
                 ORDER BY a.valid_from DESC LIMIT 1), g.name) AS name,
       coalesce((SELECT a.name FROM alias a WHERE a.package_id = p.package_id AND a.valid_from <= b.taken_at
                 ORDER BY a.valid_from DESC LIMIT 1), g.name) AS previous_name,
       p.rank, p.previous_rank, p.value, g.created_at, h.first_at, h.member_at
FROM target t CROSS JOIN ranks p CROSS JOIN package g ON g.package_id = p.package_id
LEFT JOIN snapshot b ON b.snapshot_id = :previous LEFT JOIN history h ON h.package_id = p.package_id
WHERE g.stable_id NOT IN (SELECT name FROM redacted_name)
ORDER BY coalesce(p.rank, 2147483647), p.previous_rank, g.stable_id;
