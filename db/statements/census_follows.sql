-- Whether the census before this one is complete, and no other snapshot of everything lies between them.
SELECT 1 FROM snapshot s JOIN snapshot c ON c.snapshot_id = (
    SELECT max(b.snapshot_id) FROM snapshot b
    WHERE b.registry_id = s.registry_id AND b.snapshot_id < s.snapshot_id AND b.k IS NULL)
WHERE s.snapshot_id = :snapshot AND c.status = 'complete' AND EXISTS (SELECT 1 FROM census k WHERE k.snapshot_id = c.snapshot_id);
