-- The packages of a complete snapshot that have had other names, with each time from which another name is known.
SELECT n.package, n.renamed_at
FROM (
    SELECT r.package_id AS package, a.valid_from AS renamed_at,
           ROW_NUMBER() OVER (PARTITION BY r.package_id ORDER BY a.valid_from) AS number
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id JOIN alias a ON a.package_id = r.package_id
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete') n
WHERE n.number > 1
ORDER BY n.package, n.renamed_at
