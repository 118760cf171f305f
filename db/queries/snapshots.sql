-- Every snapshot of any status up to a date, oldest first in each series. The columns are those of v1_snapshot.
SELECT v.* FROM v1_snapshot v JOIN snapshot s ON s.snapshot_id = v.snapshot
WHERE s.date <= :as_of
ORDER BY v.registry, s.ordered_by, s.counter, s.taken_at, s.snapshot_id
