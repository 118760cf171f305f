-- What the completeness gate found of a snapshot.
SELECT snapshot_id, gate, outcome, measured, rule FROM finding WHERE snapshot_id = :snapshot ORDER BY gate
