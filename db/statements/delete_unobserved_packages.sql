-- Delete the packages that only the removed import had. A child that names such a package as its parent keeps the name.
INSERT INTO unobserved_package (package_id)
SELECT p.package_id FROM touched_package t CROSS JOIN package p ON p.package_id = t.package_id
WHERE p.first_seen_at = :at AND p.seen_at = :at AND p.fingerprint IS NULL
  AND NOT EXISTS (SELECT 1 FROM observer o WHERE o.package_id = p.package_id)
  AND NOT EXISTS (SELECT 1 FROM ranking r WHERE r.package_id = p.package_id)
  AND NOT EXISTS (SELECT 1 FROM edge e WHERE e.child_id = p.package_id)
  AND NOT EXISTS (SELECT 1 FROM card_revision v WHERE v.package_id = p.package_id)
  AND NOT EXISTS (SELECT 1 FROM missing_package m WHERE m.package_id = p.package_id)
  AND NOT EXISTS (SELECT 1 FROM quality_event q WHERE q.package_id = p.package_id);
UPDATE OR REPLACE edge SET parent_name = '', parent = 'name:' || coalesce(nullif(edge.parent_name, ''), p.name)
FROM unobserved_package u JOIN package p ON p.package_id = u.package_id WHERE edge.parent = u.package_id;
DELETE FROM name_history WHERE package_id IN (SELECT package_id FROM unobserved_package);
DELETE FROM package_attribute WHERE package_id IN (SELECT package_id FROM unobserved_package);
DELETE FROM package_library_interval WHERE package_id IN (SELECT package_id FROM unobserved_package);
DELETE FROM stated_value WHERE package_id IN (SELECT package_id FROM unobserved_package);
DELETE FROM top_k_membership WHERE package_id IN (SELECT package_id FROM unobserved_package);
DELETE FROM package WHERE package_id IN (SELECT package_id FROM unobserved_package);
