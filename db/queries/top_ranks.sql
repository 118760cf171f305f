-- The first :limit packages of a complete list, with their names at its time, and their ranks in the list :previous.
WITH names AS (
    SELECT r.package_id, a.name
    FROM snapshot s
    JOIN ranking r ON r.snapshot_id = s.snapshot_id AND r.rank <= :limit
    JOIN alias a ON a.package_id = r.package_id
     AND a.valid_from <= s.taken_at AND (a.valid_to IS NULL OR a.valid_to > s.taken_at)
    WHERE s.snapshot_id = :snapshot)
SELECT r.rank, g.stable_id AS package, COALESCE(a.name, g.name) AS name,
       CAST(CASE s.ordered_by WHEN 'downloads' THEN r.downloads WHEN 'likes' THEN r.likes
                              WHEN 'dependents' THEN r.dependents ELSE r.trending END AS DOUBLE) AS value,
       b.rank AS previous_rank
FROM snapshot s
JOIN ranking r ON r.snapshot_id = s.snapshot_id AND r.rank <= :limit
JOIN package g ON g.package_id = r.package_id
LEFT JOIN names a ON a.package_id = r.package_id
LEFT JOIN ranking b ON b.snapshot_id = :previous AND b.package_id = r.package_id
WHERE s.snapshot_id = :snapshot AND s.status = 'complete'
ORDER BY r.rank
