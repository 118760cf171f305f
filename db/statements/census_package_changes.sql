-- Changes in the packages of a census, apart from counters: gated access changed, or a new package took an old name.
WITH target AS (SELECT s.registry_id, s.taken_at FROM snapshot s WHERE s.snapshot_id = :snapshot)
SELECT n.package_id, 'gated_change' AS kind, v.text AS before, w.text AS after, 'attribute gated' AS evidence
FROM target t
CROSS JOIN package_attribute n ON n.valid_from > 0
CROSS JOIN term w ON w.term_id = n.term_id AND w.kind = 'gated'
CROSS JOIN package p ON p.package_id = n.package_id AND p.registry_id = t.registry_id
 AND p.first_seen_at + n.valid_from = t.taken_at
CROSS JOIN package_attribute o ON o.package_id = n.package_id AND o.valid_to = n.valid_from
CROSS JOIN term v ON v.term_id = o.term_id AND v.kind = 'gated' AND v.text <> w.text
UNION ALL
SELECT a.package_id, 'recreated', q.stable_id, p.stable_id, 'the name belonged to a package that no longer exists'
FROM target t
CROSS JOIN package p ON +p.registry_id = t.registry_id AND p.first_seen_at >= t.taken_at
CROSS JOIN alias a ON a.package_id = p.package_id AND a.valid_from = t.taken_at
CROSS JOIN alias b ON b.package_id IN (
    SELECT n.package_id FROM package n WHERE n.name_hash = short_hash(a.name) AND n.name = a.name
    UNION ALL SELECT n.package_id FROM name_history n WHERE n.name = a.name)
 AND b.name = a.name AND b.package_id <> a.package_id AND b.valid_from < t.taken_at AND b.valid_to IS NULL
CROSS JOIN package q ON q.package_id = b.package_id AND q.registry_id = t.registry_id AND q.stable_id NOT LIKE 'name:%'
WHERE q.seen_at < t.taken_at
  AND NOT EXISTS (SELECT 1 FROM alias c WHERE c.package_id = a.package_id AND c.valid_from < t.taken_at);
