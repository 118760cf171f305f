-- What changed of the packages of a snapshot beside their counters: who asks for consent now, and who has another's name.
WITH here AS (
    SELECT k.package_id, s.taken_at, s.registry_id,
           (SELECT max(e.taken_at) FROM snapshot e WHERE e.registry_id = s.registry_id AND e.status = 'complete'
             AND e.taken_at < s.taken_at) AS before
    FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id WHERE k.snapshot_id = :snapshot)
SELECT h.package_id, 'gated_change' AS kind, o.value AS before, n.value AS after, 'attribute gated' AS evidence
FROM here h
JOIN attribute n ON n.package_id = h.package_id AND n.name = 'gated' AND n.since = h.taken_at
JOIN attribute o ON o.package_id = h.package_id AND o.name = 'gated' AND o.until = h.taken_at AND o.value <> n.value
UNION ALL
SELECT h.package_id, 'recreated', q.stable_id, p.stable_id, 'the name of a package that is not listed any more'
FROM here h JOIN package p ON p.package_id = h.package_id
JOIN alias a ON a.package_id = h.package_id AND a.since = h.taken_at
JOIN alias b ON b.package_id IN (SELECT n.package_id FROM package n WHERE n.name_hash = short_hash(a.name) AND n.name = a.name
                                 UNION ALL SELECT n.package_id FROM naming n WHERE n.name = a.name)
 AND b.name = a.name AND b.package_id <> a.package_id AND b.since < h.taken_at AND b.until IS NULL
JOIN package q ON q.package_id = b.package_id AND +q.registry_id = h.registry_id AND q.stable_id NOT LIKE 'name:%'
WHERE h.before IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM alias c WHERE c.package_id = a.package_id AND c.since < h.taken_at)
  AND NOT EXISTS (SELECT 1 FROM ranking k WHERE k.snapshot_id = :snapshot AND k.package_id = b.package_id);
