-- The parents that a package names, with the time for which each was named.
SELECT t.child_id, t.parent_id, t.parent_name, t.relation, t.valid_from AS since,
       CASE WHEN t.valid_to < :until THEN t.valid_to END AS until
FROM lineage_edge t JOIN package p ON p.package_id = t.child_id
WHERE p.registry_id = (SELECT registry_id FROM registry WHERE name = :registry)
  AND t.valid_from < :until AND (t.valid_to IS NULL OR t.valid_to > :since)
ORDER BY t.child_id, t.parent_name, t.relation, t.valid_from
