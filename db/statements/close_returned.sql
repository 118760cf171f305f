-- Close the cases of missing packages that were seen again. A package that probes did not find must have been private, even if
-- its case was closed as deleted.
INSERT INTO quality_event (registry_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT p.registry_id, p.package_id, 'privated', 'note', m.name, p.name,
       m.probes || ' probes did not find the package; it is listed again under the same id, so it was private', :at
FROM missing_package m JOIN package p ON p.package_id = m.package_id JOIN registry r ON r.registry_id = p.registry_id
WHERE r.name = :registry AND m.state IN ('unknown', 'deleted') AND m.probes > 0 AND p.seen_at > m.last_probe
  AND NOT EXISTS (SELECT 1 FROM quality_event q
                  WHERE q.package_id = m.package_id AND q.kind = 'privated' AND q.noted_at > m.last_probe);

INSERT INTO quality_event (registry_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT p.registry_id, p.package_id, 'returned', 'note', m.name, p.name, 'listed again after a census without the package', :at
FROM missing_package m JOIN package p ON p.package_id = m.package_id JOIN registry r ON r.registry_id = p.registry_id
WHERE r.name = :registry AND m.state = 'unknown' AND p.seen_at > m.missing_since;

UPDATE missing_package SET state = 'returned', decided_at = :at
WHERE state = 'unknown' AND EXISTS (
    SELECT 1 FROM package p JOIN registry r ON r.registry_id = p.registry_id
    WHERE p.package_id = missing_package.package_id AND r.name = :registry AND p.seen_at > missing_package.missing_since);
