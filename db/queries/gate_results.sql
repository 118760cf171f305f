-- The results of the completeness gate for every snapshot up to a date.
SELECT g.snapshot_id AS snapshot, g.gate, g.outcome, g.measured, g.rule
FROM gate_result g JOIN snapshot s ON s.snapshot_id = g.snapshot_id
WHERE s.date <= :as_of
ORDER BY g.snapshot_id, g.gate
