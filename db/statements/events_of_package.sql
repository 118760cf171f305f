-- The quality events of a package before :until, oldest first. Text that quotes a redacted package is withheld.
SELECT e.noted_at, s.date, e.kind, e.severity,
       CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE folded(e.before) GLOB x.pattern)
            THEN '[withheld]' ELSE e.before END AS before,
       CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE folded(e.after) GLOB x.pattern)
            THEN '[withheld]' ELSE e.after END AS after,
       CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE folded(e.evidence) GLOB x.pattern)
            THEN '[withheld]' ELSE e.evidence END AS evidence
FROM quality_event e LEFT JOIN snapshot s ON s.snapshot_id = e.snapshot_id
WHERE e.package_id = :package AND e.noted_at < :until ORDER BY e.noted_at, e.event_id;
