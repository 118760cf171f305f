-- Record the top K members of a snapshot that has become complete, at each K at which it is the list of its day.
-- Where a list that began later has stood for the day until now, the members of this K are recorded again.
DELETE FROM top_k_membership
WHERE (registry_id, ordered_by, counter) = (
        SELECT registry_id, ordered_by, counter FROM snapshot WHERE snapshot_id = :snapshot)
  AND k IN (
    SELECT l.k FROM list_of_day l JOIN snapshot o ON o.registry_id = l.registry_id AND o.ordered_by = l.ordered_by
     AND o.counter = l.counter AND o.date = l.date AND o.status = 'complete' AND o.depth >= l.k AND o.snapshot_id > l.snapshot_id
    WHERE l.snapshot_id = :snapshot);

-- A K without members has none because they have just been deleted, or because no list was that deep.
INSERT INTO top_k_membership (registry_id, ordered_by, counter, k, package_id, first_at, last_at)
SELECT l.registry_id, l.ordered_by, l.counter, l.k, r.package_id, min(l.taken_at), max(l.taken_at)
FROM snapshot s
CROSS JOIN ranking_depth d
CROSS JOIN list_of_day l
CROSS JOIN ranking r
WHERE s.snapshot_id = :snapshot AND d.k <= s.depth AND NOT EXISTS (
    SELECT 1 FROM top_k_membership m
    WHERE m.registry_id = s.registry_id AND m.ordered_by = s.ordered_by AND m.counter = s.counter AND m.k = d.k)
  AND l.registry_id = s.registry_id AND l.ordered_by = s.ordered_by AND l.counter = s.counter AND l.k = d.k
  AND r.snapshot_id = l.snapshot_id AND r.rank <= l.k
GROUP BY l.k, r.package_id;

INSERT INTO top_k_membership (registry_id, ordered_by, counter, k, package_id, first_at, last_at)
SELECT l.registry_id, l.ordered_by, l.counter, l.k, r.package_id, l.taken_at, l.taken_at
FROM list_of_day l JOIN ranking r ON r.snapshot_id = l.snapshot_id AND r.rank <= l.k
WHERE l.snapshot_id = :snapshot
ON CONFLICT (registry_id, ordered_by, counter, k, package_id)
DO UPDATE SET first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);

-- Delete the results that did not know the snapshot.
DELETE FROM result WHERE snapshot_id IN (
    SELECT later.snapshot_id FROM snapshot later JOIN snapshot target ON target.snapshot_id = :snapshot
     AND later.registry_id = target.registry_id AND later.ordered_by = target.ordered_by AND later.counter = target.counter
    WHERE later.taken_at >= target.taken_at);
