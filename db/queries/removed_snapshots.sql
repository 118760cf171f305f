-- The removed imports of days up to a date.
SELECT registry, snapshot, date, removed_at, reason FROM v1_removed_snapshot WHERE date <= :as_of ORDER BY registry, snapshot
