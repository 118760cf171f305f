-- When a package was first and last in a top K, up to the end of the exported period.
SELECT m.registry_id, m.ordered_by, m.counter, m.k, m.package_id, m.first_at,
       CASE WHEN m.last_at < :until THEN m.last_at ELSE (
           SELECT MAX(s.taken_at) FROM ranking r JOIN snapshot s ON s.snapshot_id = r.snapshot_id
           WHERE r.package_id = m.package_id AND r.rank <= m.k AND s.registry_id = m.registry_id
             AND s.ordered_by = m.ordered_by AND s.counter = m.counter AND s.status = 'complete' AND s.taken_at < :until)
       END AS last_at
FROM top_k_membership m
WHERE m.registry_id = (SELECT registry_id FROM registry WHERE name = :registry) AND m.first_at < :until
ORDER BY m.ordered_by, m.counter, m.k, m.package_id
