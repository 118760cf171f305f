-- The complete snapshots before :until of the registry of a package.
SELECT s.snapshot_id AS snapshot FROM package p JOIN snapshot s ON s.registry_id = p.registry_id
WHERE p.package_id = :package AND s.status = 'complete' AND s.taken_at < :until;
