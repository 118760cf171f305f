-- The libraries of a package, from one instant to another.
SELECT t.package_id, t.library, t.kind, t.since,
       CASE WHEN t.until < :until THEN t.until END AS until
FROM package_library t JOIN package p ON p.package_id = t.package_id
WHERE p.registry_id = (SELECT registry_id FROM registry WHERE name = :registry)
  AND t.since < :until AND (t.until IS NULL OR t.until > :since)
ORDER BY t.package_id, t.library, t.since
