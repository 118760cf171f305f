-- The open snapshots of one list, newest first, each with its last stored page.
SELECT s.snapshot_id, s.started_at, s.taken_at, s.settings, s.source, p.role, p.url, p.next_url,
       (SELECT count(*) FROM ranking k WHERE k.snapshot_id = s.snapshot_id) AS listed
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id
LEFT JOIN page p ON p.snapshot_id = s.snapshot_id
 AND p.number = (SELECT max(number) FROM page q WHERE q.snapshot_id = s.snapshot_id)
WHERE s.status = 'open' AND r.name = :registry AND s.ordered_by = :ordered_by AND s.k IS :k AND s.origin = 'crawl'
ORDER BY s.snapshot_id DESC;
