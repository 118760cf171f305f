-- Absent packages that have been seen again since they were missed: of those that were not there when they were asked
-- for it is known now that they were private, also where they had been called deleted.
INSERT INTO quality_event (registry_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT p.registry_id, p.package_id, 'privated', 'note', a.name, p.name,
       'not there ' || a.probes || ' times when asked for, and listed again under the same id: it was private', :at
FROM absence a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id
WHERE r.name = :registry AND a.state IN ('unknown', 'deleted') AND a.probes > 0 AND p.seen_at > a.last_probe
  AND NOT EXISTS (SELECT 1 FROM quality_event q
                  WHERE q.package_id = a.package_id AND q.kind = 'privated' AND q.noted_at > a.last_probe);

INSERT INTO quality_event (registry_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT p.registry_id, p.package_id, 'returned', 'note', a.name, p.name, 'listed again after a census without it', :at
FROM absence a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id
WHERE r.name = :registry AND a.state = 'unknown' AND p.seen_at > a.missed_at;

UPDATE absence SET state = 'returned', decided_at = :at
WHERE state = 'unknown' AND EXISTS (
    SELECT 1 FROM package p JOIN registry r ON r.registry_id = p.registry_id
    WHERE p.package_id = absence.package_id AND r.name = :registry AND p.seen_at > absence.missed_at);
