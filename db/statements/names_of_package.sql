-- The names that a package had before :until, oldest first. An interval that ends later is still open.
SELECT name, valid_from AS since, CASE WHEN valid_to < :until THEN valid_to END AS until
FROM alias WHERE package_id = :package AND valid_from < :until ORDER BY valid_from;
