-- The package that had :package at :at; if several ever had it, the one whose time with it is nearest.
SELECT a.package_id FROM alias a
JOIN package p ON p.package_id = a.package_id JOIN registry g ON g.registry_id = +p.registry_id
WHERE a.package_id IN (SELECT n.package_id FROM package n WHERE n.name_hash = short_hash(:package) AND n.name = :package
                       UNION ALL SELECT n.package_id FROM naming n WHERE n.name = :package)
  AND a.name = :package AND g.name = :registry
ORDER BY a.since <= :at AND (a.until IS NULL OR a.until > :at) DESC,
         CASE WHEN a.since <= :at THEN -a.since ELSE a.since END LIMIT 1;
