-- The parents that a package named just before :until. `package` is NULL while no known package has the parent's name.
SELECT p.stable_id AS package, e.parent_name AS name, e.relation, e.valid_from AS since
FROM lineage_edge e LEFT JOIN package p ON p.package_id = e.parent_id
WHERE e.child_id = :package AND e.valid_from < :until AND (e.valid_to IS NULL OR e.valid_to >= :until)
  AND lower(e.parent_name) NOT IN (SELECT name FROM redacted_name)
  AND coalesce(p.stable_id, '') NOT IN (SELECT name FROM redacted_name)
ORDER BY e.relation, e.parent_name;
