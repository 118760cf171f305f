-- The results of the completeness gate for a snapshot.
SELECT snapshot_id, gate, outcome, measured, rule FROM gate_result WHERE snapshot_id = :snapshot ORDER BY gate
