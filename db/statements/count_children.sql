-- The number of packages that named a package as a parent just before :until, by the code of the relation.
SELECT e.relation, count(DISTINCT e.child_id) AS children
FROM edge e JOIN package c ON c.package_id = e.child_id
WHERE e.parent = :package AND e.child_id <> :package AND c.first_seen_at + e.valid_from < :until
  AND (e.valid_to IS NULL OR c.first_seen_at + e.valid_to >= :until)
  AND c.stable_id NOT IN (SELECT name FROM redacted_name)
GROUP BY e.relation ORDER BY children DESC, e.relation;
