-- What the completeness gate found of every snapshot up to a date.
SELECT f.snapshot_id AS snapshot, f.gate, f.outcome, f.measured, f.rule
FROM finding f JOIN snapshot s ON s.snapshot_id = f.snapshot_id
WHERE s.date <= :as_of
ORDER BY f.snapshot_id, f.gate
