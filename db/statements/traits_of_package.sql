-- The attributes and libraries that a package had just before :until, with the time since which each is valid.
SELECT a.name AS trait, a.value, a.valid_from AS since FROM attribute a
WHERE a.package_id = :package AND a.valid_from < :until AND (a.valid_to IS NULL OR a.valid_to >= :until)
  AND a.name IN ('task', 'library', 'licence', 'gated', 'parameters', 'status', 'disabled')
  AND NOT EXISTS (SELECT 1 FROM redacted_pattern x WHERE folded(a.value) GLOB x.pattern)
UNION ALL
SELECT CASE b.kind WHEN 'library' THEN 'uses' ELSE b.kind END, b.library, b.valid_from FROM package_library b
WHERE b.package_id = :package AND b.valid_from < :until AND (b.valid_to IS NULL OR b.valid_to >= :until)
  AND b.kind IN ('library', 'format')
  AND NOT EXISTS (SELECT 1 FROM redacted_pattern x WHERE folded(b.library) GLOB x.pattern)
  AND NOT EXISTS (SELECT 1 FROM attribute a WHERE a.package_id = :package AND a.name = 'library' AND a.value = b.library)
ORDER BY trait, value;
