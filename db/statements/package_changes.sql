-- Changes in the packages of a ranking, apart from counters: gated access changed, or a new package took an old name.
WITH target AS MATERIALIZED (
    SELECT s.taken_at, s.registry_id, (SELECT max(e.taken_at) FROM snapshot e
            WHERE e.registry_id = s.registry_id AND e.status = 'complete' AND e.taken_at < s.taken_at) AS previous_at
    FROM snapshot s WHERE s.snapshot_id = :snapshot),
listed AS (
    SELECT k.package_id, t.taken_at, t.registry_id, t.previous_at
    FROM target t CROSS JOIN ranking k WHERE k.snapshot_id = :snapshot)
SELECT l.package_id, 'gated_change' AS kind, o.value AS before, n.value AS after, 'attribute gated' AS evidence
FROM listed l
JOIN attribute n ON n.package_id = l.package_id AND n.name = 'gated' AND n.valid_from = l.taken_at
JOIN attribute o ON o.package_id = l.package_id AND o.name = 'gated' AND o.valid_to = l.taken_at AND o.value <> n.value
UNION ALL
SELECT l.package_id, 'recreated', q.stable_id, p.stable_id, 'the name belonged to a package that is no longer listed'
FROM listed l JOIN package p ON p.package_id = l.package_id
JOIN alias a ON a.package_id = l.package_id AND a.valid_from = l.taken_at
JOIN alias b ON b.package_id IN (SELECT n.package_id FROM package n WHERE n.name_hash = short_hash(a.name) AND n.name = a.name
                                 UNION ALL SELECT n.package_id FROM name_history n WHERE n.name = a.name)
 AND b.name = a.name AND b.package_id <> a.package_id AND b.valid_from < l.taken_at AND b.valid_to IS NULL
JOIN package q ON q.package_id = b.package_id AND +q.registry_id = l.registry_id AND q.stable_id NOT LIKE 'name:%'
WHERE l.previous_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM alias c WHERE c.package_id = a.package_id AND c.valid_from < l.taken_at)
  AND NOT EXISTS (SELECT 1 FROM ranking k WHERE k.snapshot_id = :snapshot AND k.package_id = b.package_id);
