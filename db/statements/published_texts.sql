-- Every name of a package, with the package, and every name that a package states as its parent, without one.
SELECT p.package_id, p.name FROM package p
UNION ALL SELECT p.package_id, p.key FROM package p WHERE typeof(p.key) = 'text' AND p.key <> p.name
UNION ALL SELECT n.package_id, n.name FROM name_history n
UNION ALL SELECT m.package_id, m.successor FROM missing_package m WHERE m.successor IS NOT NULL
UNION ALL SELECT NULL, e.parent_name FROM edge e WHERE e.parent_name <> ''
UNION ALL SELECT NULL, substr(e.parent, 6) FROM edge e WHERE typeof(e.parent) = 'text';

-- Every other text that an export may have, once.
SELECT text FROM term WHERE text IS NOT NULL
UNION SELECT p.revision FROM package p WHERE typeof(p.revision) = 'text'
UNION SELECT v.sha FROM card_revision v WHERE v.sha IS NOT NULL
UNION SELECT before FROM quality_event WHERE before IS NOT NULL
UNION SELECT after FROM quality_event WHERE after IS NOT NULL
UNION SELECT evidence FROM quality_event
UNION SELECT s.counter FROM snapshot s
UNION SELECT s.source FROM snapshot s
UNION SELECT s.date_evidence FROM snapshot s
UNION SELECT s.reason FROM snapshot s WHERE s.reason IS NOT NULL
UNION SELECT r.source FROM removed_snapshot r
UNION SELECT r.reason FROM removed_snapshot r
UNION SELECT c.source FROM change_crawl c
UNION SELECT c.reason FROM change_crawl c WHERE c.reason IS NOT NULL
UNION SELECT g.measured FROM gate_result g
UNION SELECT t.name FROM result t
UNION SELECT t.note FROM result t
UNION SELECT x.reason FROM reject x
UNION SELECT k.version FROM score k
UNION SELECT k.reason FROM score k
UNION SELECT i.schedule FROM tick i;
