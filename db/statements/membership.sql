-- A snapshot has become complete: remember who was in which top K, and let results go that rested on less.
INSERT INTO membership (registry_id, ordered_by, counter, k, package_id, first_at, last_at)
SELECT s.registry_id, s.ordered_by, s.counter, d.k, r.package_id, s.taken_at, s.taken_at
FROM snapshot s JOIN depth d ON d.k <= s.depth JOIN ranking r ON r.snapshot_id = s.snapshot_id AND r.rank <= d.k
WHERE s.snapshot_id = :snapshot
ON CONFLICT (registry_id, ordered_by, counter, k, package_id)
DO UPDATE SET first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);

DELETE FROM result WHERE snapshot_id IN (
    SELECT later.snapshot_id FROM snapshot later JOIN snapshot this ON this.snapshot_id = :snapshot
     AND later.registry_id = this.registry_id AND later.ordered_by = this.ordered_by AND later.counter = this.counter
    WHERE later.taken_at >= this.taken_at);
