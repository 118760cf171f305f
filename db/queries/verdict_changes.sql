-- The recorded changes of claim verdicts.
SELECT evidence, before, after FROM quality_event WHERE kind = 'verdict_changed'
ORDER BY evidence, before, after
