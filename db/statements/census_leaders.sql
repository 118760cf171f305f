-- The packages with the largest counters that were created before an earlier complete census.
SELECT p.package_id, p.name FROM snapshot s JOIN package p ON p.registry_id = s.registry_id
WHERE s.snapshot_id = :snapshot AND p.fingerprint IS NOT NULL AND EXISTS (
    SELECT 1 FROM snapshot e JOIN census c ON c.snapshot_id = e.snapshot_id
    WHERE e.registry_id = s.registry_id AND e.status = 'complete' AND e.taken_at >= p.created_at)
ORDER BY max(coalesce(p.downloads, 0), coalesce(p.likes, 0)) DESC LIMIT 20;
