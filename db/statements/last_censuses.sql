-- The last two complete censuses of a registry, newest first. `noted` is 1 if the packages missing from the census are recorded.
SELECT s.snapshot_id, s.taken_at, EXISTS (
    SELECT 1 FROM missing_package m JOIN package p ON p.package_id = m.package_id
    WHERE m.missing_since = s.taken_at AND p.registry_id = s.registry_id) AS noted
FROM snapshot s JOIN census c ON c.snapshot_id = s.snapshot_id JOIN registry r ON r.registry_id = s.registry_id
WHERE r.name = :registry AND s.status = 'complete' ORDER BY s.taken_at DESC, s.snapshot_id DESC LIMIT 2;
