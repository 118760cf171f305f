-- The names that a package had before :until, oldest first, each with the last time at which a list had it. An interval that ends
-- later is still open.
SELECT a.name, a.valid_from AS since, CASE WHEN a.valid_to < :until THEN a.valid_to END AS until,
       (SELECT max(s.taken_at) FROM ranking r JOIN snapshot s ON s.snapshot_id = r.snapshot_id
        WHERE r.package_id = a.package_id AND s.taken_at >= a.valid_from AND s.taken_at < coalesce(a.valid_to, :until)
          AND s.taken_at < :until) AS last_listed
FROM alias a WHERE a.package_id = :package AND a.valid_from < :until ORDER BY a.valid_from;
