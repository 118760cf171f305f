-- The packages that may be redacted, each with its name and 1 if that matches, or 0 if an owner's account is in it. :names has the
-- redacted names in each case, and :owners the redacted accounts.
WITH redacted(name) AS MATERIALIZED (SELECT value FROM json_each(:names)),
owner(name) AS MATERIALIZED (SELECT value FROM json_each(:owners)),
named AS (
    SELECT p.package_id, p.name FROM package p
    UNION ALL SELECT n.package_id, n.name FROM name_history n
    UNION ALL SELECT p.package_id, p.key FROM package p WHERE typeof(p.key) = 'text' AND p.key <> p.name
    UNION ALL SELECT m.package_id, m.successor FROM missing_package m WHERE m.state = 'renamed')
SELECT package_id, name, 1 AS is_match FROM named WHERE lower(name) IN (SELECT name FROM redacted)
UNION ALL SELECT package_id, name, 0 FROM named WHERE EXISTS (SELECT 1 FROM owner o WHERE instr(lower(named.name), o.name));

-- The packages with an id that is stored as bytes.
SELECT p.package_id FROM registry r CROSS JOIN package p ON p.registry_id = r.registry_id AND p.key = :key;

-- Every id and name of the packages of :numbers.
SELECT name FROM alias WHERE package_id IN (SELECT value FROM json_each(:numbers))
UNION SELECT stable_id FROM package WHERE package_id IN (SELECT value FROM json_each(:numbers))
UNION SELECT name FROM package WHERE package_id IN (SELECT value FROM json_each(:numbers))
