-- Record the top K members of a snapshot that has become complete. Delete the results that did not know the snapshot.
INSERT INTO top_k_membership (registry_id, ordered_by, counter, k, package_id, first_at, last_at)
SELECT s.registry_id, s.ordered_by, s.counter, d.k, r.package_id, s.taken_at, s.taken_at
FROM snapshot s JOIN ranking_depth d ON d.k <= s.depth JOIN ranking r ON r.snapshot_id = s.snapshot_id AND r.rank <= d.k
WHERE s.snapshot_id = :snapshot
ON CONFLICT (registry_id, ordered_by, counter, k, package_id)
DO UPDATE SET first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);

DELETE FROM result WHERE snapshot_id IN (
    SELECT later.snapshot_id FROM snapshot later JOIN snapshot target ON target.snapshot_id = :snapshot
     AND later.registry_id = target.registry_id AND later.ordered_by = target.ordered_by AND later.counter = target.counter
    WHERE later.taken_at >= target.taken_at);
