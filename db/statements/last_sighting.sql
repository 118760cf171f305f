-- The last time before :until at which a list had a package, or at which the package was seen under a new name.
SELECT max(at) AS seen_at FROM (
    SELECT max(s.taken_at) AS at FROM ranking r JOIN snapshot s ON s.snapshot_id = r.snapshot_id
    WHERE r.package_id = :package AND s.taken_at < :until
    UNION ALL SELECT max(a.valid_from) FROM alias a WHERE a.package_id = :package AND a.valid_from < :until);
