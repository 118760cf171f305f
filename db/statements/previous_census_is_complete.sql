-- One row if the previous full snapshot of the registry is a complete census.
SELECT 1 FROM snapshot s JOIN snapshot p ON p.snapshot_id = (
    SELECT max(b.snapshot_id) FROM snapshot b
    WHERE b.registry_id = s.registry_id AND b.snapshot_id < s.snapshot_id AND b.k IS NULL)
WHERE s.snapshot_id = :snapshot AND p.status = 'complete'
  AND EXISTS (SELECT 1 FROM census c WHERE c.snapshot_id = p.snapshot_id);
