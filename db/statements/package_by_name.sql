-- The package that had the name :package at :at, or the package that had the name nearest to that time. A package that is
-- known to have moved (db/renames.toml) is found by both names.
SELECT a.package_id FROM alias a
JOIN package p ON p.package_id = a.package_id JOIN registry g ON g.registry_id = +p.registry_id
WHERE a.package_id IN (
    SELECT n.package_id FROM package n
    WHERE n.name_hash IN (short_hash(:package), short_hash(other_name(:registry, :package)))
      AND n.name IN (:package, other_name(:registry, :package))
    UNION ALL SELECT n.package_id FROM name_history n WHERE n.name IN (:package, other_name(:registry, :package)))
  AND a.name IN (:package, other_name(:registry, :package)) AND g.name = :registry
ORDER BY a.valid_from <= :at AND (a.valid_to IS NULL OR a.valid_to > :at) DESC,
         CASE WHEN a.valid_from <= :at THEN -a.valid_from ELSE a.valid_from END LIMIT 1;
