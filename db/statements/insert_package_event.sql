-- Insert an event of one package, or of the whole snapshot if :package is NULL.
INSERT INTO quality_event (registry_id, snapshot_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT registry_id, snapshot_id, :package, :kind, :severity, :before, :after, :evidence, :at
FROM snapshot WHERE snapshot_id = :snapshot;
