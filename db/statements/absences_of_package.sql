-- The times before :until at which a census missed a package that an earlier census had.
SELECT m.last_seen, m.missing_since, CASE WHEN m.decided_at < :until THEN m.state ELSE 'unknown' END AS state,
       CASE WHEN m.decided_at < :until AND lower(m.successor) NOT IN (SELECT name FROM redacted_name) THEN m.successor END AS successor
FROM missing_package m WHERE m.package_id = :package AND m.missing_since < :until ORDER BY m.missing_since;
