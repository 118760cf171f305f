-- A census: its registry and instant, the complete census before it, whether it is the newest, and whether it says when a
-- package was modified.
SELECT s.registry_id, s.taken_at, b.snapshot_id, b.taken_at, NOT EXISTS (
    SELECT 1 FROM census c JOIN snapshot n ON n.snapshot_id = c.snapshot_id
    WHERE n.registry_id = s.registry_id AND n.status = 'complete' AND n.taken_at > s.taken_at),
    s.counter <> 'census:names'
FROM snapshot s LEFT JOIN snapshot b ON b.snapshot_id = (
    SELECT p.snapshot_id FROM census c JOIN snapshot p ON p.snapshot_id = c.snapshot_id
    WHERE p.registry_id = s.registry_id AND p.status = 'complete' AND p.taken_at < s.taken_at
    ORDER BY p.taken_at DESC LIMIT 1)
WHERE s.snapshot_id = :snapshot;
