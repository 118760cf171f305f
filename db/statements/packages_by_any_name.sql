-- The packages that had the name :name before :until, or that have it as their stable id. Those that have the name now are first.
WITH candidate AS (
    SELECT n.package_id FROM package n WHERE n.name_hash = short_hash(:name) AND n.name = :name
    UNION SELECT n.package_id FROM name_history n WHERE n.name = :name
    UNION SELECT n.package_id FROM registry g CROSS JOIN package n WHERE n.registry_id = g.registry_id AND n.key = compact(:name)),
dated AS (
    SELECT c.package_id, (SELECT a.name FROM alias a WHERE a.package_id = c.package_id AND a.valid_from < :until
                          ORDER BY a.valid_from DESC LIMIT 1) AS name
    FROM candidate c)
SELECT d.package_id AS number, g.name AS registry, g.service, g.service_name, p.stable_id AS package, d.name, p.created_at,
       (SELECT min(a.valid_from) FROM alias a WHERE a.package_id = p.package_id) AS first_seen_at, p.seen_at
FROM dated d JOIN package p ON p.package_id = d.package_id JOIN registry g ON g.registry_id = p.registry_id
WHERE d.name IS NOT NULL AND p.stable_id NOT IN (SELECT name FROM redacted_name)
ORDER BY d.name = :name DESC, g.name, d.package_id;
