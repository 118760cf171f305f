-- What changed of the packages of a census beside their counters: who asks for consent now, and who has another's name.
WITH this AS (SELECT s.registry_id, s.taken_at FROM snapshot s WHERE s.snapshot_id = :snapshot)
SELECT n.package_id, 'gated_change' AS kind, o.value AS before, n.value AS after, 'attribute gated' AS evidence
FROM this t
JOIN attribute n ON n.name = 'gated' AND n.since = t.taken_at
JOIN attribute o ON o.package_id = n.package_id AND o.name = 'gated' AND o.until = t.taken_at AND o.value <> n.value
JOIN package p ON p.package_id = n.package_id AND p.registry_id = t.registry_id
UNION ALL
SELECT a.package_id, 'recreated', q.stable_id, p.stable_id, 'the name of a package that is not there any more'
FROM this t
JOIN alias a ON a.since = t.taken_at
JOIN package p ON p.package_id = a.package_id AND p.registry_id = t.registry_id
JOIN alias b ON b.name = a.name AND b.package_id <> a.package_id AND b.since < t.taken_at AND b.until IS NULL
JOIN package q ON q.package_id = b.package_id AND q.registry_id = t.registry_id AND q.stable_id NOT LIKE 'name:%'
WHERE q.seen_at < t.taken_at
  AND NOT EXISTS (SELECT 1 FROM alias c WHERE c.package_id = a.package_id AND c.since < t.taken_at);
