-- The other snapshots of a list whose rows are the same, those of the nearest date first.
SELECT o.snapshot_id, date(o.taken_at, 'unixepoch') AS date
FROM snapshot s JOIN snapshot o ON o.registry_id = s.registry_id AND o.ordered_by = s.ordered_by AND o.digest = s.digest
WHERE s.snapshot_id = :snapshot AND o.taken_at <> s.taken_at AND o.status IN ('complete', 'partial')
ORDER BY abs(o.taken_at - s.taken_at), o.snapshot_id;
