-- When a package was first and last in a top K, up to the end of the exported period.
SELECT m.registry_id, m.ordered_by, m.counter, m.k, m.package_id, m.first_at,
       CASE WHEN m.last_at < :until THEN m.last_at ELSE (
           SELECT MAX(l.taken_at) FROM ranking r JOIN list_of_day l ON l.snapshot_id = r.snapshot_id AND l.k = m.k
           WHERE r.package_id = m.package_id AND r.rank <= m.k AND l.registry_id = m.registry_id
             AND l.ordered_by = m.ordered_by AND l.counter = m.counter AND l.taken_at < :until)
       END AS last_at
FROM top_k_membership m
WHERE m.registry_id = (SELECT registry_id FROM registry WHERE name = :registry) AND m.first_at < :until
ORDER BY m.ordered_by, m.counter, m.k, m.package_id
