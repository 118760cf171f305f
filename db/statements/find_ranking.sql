-- The complete ranking of a registry in one order at one time, if there is one.
SELECT s.snapshot_id FROM snapshot s JOIN registry g ON g.registry_id = s.registry_id
WHERE g.name = :registry AND s.ordered_by = :by AND s.taken_at = :at AND s.status = 'complete'
ORDER BY s.snapshot_id LIMIT 1;
