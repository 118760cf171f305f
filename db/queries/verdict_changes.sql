-- The recorded changes of claim verdicts.
SELECT evidence, before, after FROM quality_event WHERE snapshot_id IS NULL AND kind = 'verdict_changed'
ORDER BY evidence, before, after
