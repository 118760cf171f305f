-- What changed of the packages of a census beside their counters: who asks for consent now, and who has another's name.
WITH this AS (SELECT s.registry_id, s.taken_at FROM snapshot s WHERE s.snapshot_id = :snapshot)
SELECT n.package_id, 'gated_change' AS kind, v.text AS before, w.text AS after, 'attribute gated' AS evidence
FROM this t
CROSS JOIN package_attribute n ON n.since > 0
CROSS JOIN word w ON w.word_id = n.word_id AND w.kind = 'gated'
CROSS JOIN package p ON p.package_id = n.package_id AND p.registry_id = t.registry_id AND p.known_at + n.since = t.taken_at
CROSS JOIN package_attribute o ON o.package_id = n.package_id AND o.until = n.since
CROSS JOIN word v ON v.word_id = o.word_id AND v.kind = 'gated' AND v.text <> w.text
UNION ALL
SELECT a.package_id, 'recreated', q.stable_id, p.stable_id, 'the name of a package that is not there any more'
FROM this t
CROSS JOIN package p ON +p.registry_id = t.registry_id AND p.known_at >= t.taken_at
CROSS JOIN alias a ON a.package_id = p.package_id AND a.since = t.taken_at
CROSS JOIN alias b ON b.package_id IN (
    SELECT n.package_id FROM package n WHERE n.name_hash = short_hash(a.name) AND n.name = a.name
    UNION ALL SELECT n.package_id FROM naming n WHERE n.name = a.name)
 AND b.name = a.name AND b.package_id <> a.package_id AND b.since < t.taken_at AND b.until IS NULL
CROSS JOIN package q ON q.package_id = b.package_id AND q.registry_id = t.registry_id AND q.stable_id NOT LIKE 'name:%'
WHERE q.seen_at < t.taken_at
  AND NOT EXISTS (SELECT 1 FROM alias c WHERE c.package_id = a.package_id AND c.since < t.taken_at);
