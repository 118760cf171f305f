-- Who a package says it was made from, from one instant to another.
SELECT t.child_id, t.parent_id, t.parent_name, t.relation, t.since,
       CASE WHEN t.until < :until THEN t.until END AS until
FROM lineage_edge t JOIN package p ON p.package_id = t.child_id
WHERE p.registry_id = (SELECT registry_id FROM registry WHERE name = :registry)
  AND t.since < :until AND (t.until IS NULL OR t.until > :since)
ORDER BY t.child_id, t.parent_name, t.relation, t.since
