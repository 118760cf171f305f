-- The names of listed packages that contain one of the patterns, the nearest in length first.
WITH pattern AS (SELECT value AS text FROM json_each(:patterns)),
similar AS (
    SELECT p.package_id, p.name FROM package p
    WHERE p.is_listed = 1 AND EXISTS (SELECT 1 FROM pattern t WHERE instr(lower(p.name), t.text))
    UNION
    SELECT n.package_id, n.name FROM name_history n WHERE EXISTS (SELECT 1 FROM pattern t WHERE instr(lower(n.name), t.text)))
SELECT DISTINCT s.name FROM similar s JOIN package p ON p.package_id = s.package_id JOIN registry g ON g.registry_id = p.registry_id
WHERE (:registry IS NULL OR g.name = :registry) AND p.stable_id NOT IN (SELECT name FROM redacted_name)
ORDER BY abs(length(s.name) - length(:name)), s.name LIMIT :limit;
