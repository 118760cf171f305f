-- The list that stands for the day of a list at :k, and the list that it is compared with.
SELECT l.snapshot_id AS snapshot, p.previous_snapshot_id AS previous
FROM snapshot s
JOIN list_of_day l ON l.registry_id = s.registry_id AND l.ordered_by = s.ordered_by AND l.counter = s.counter AND l.date = s.date
LEFT JOIN previous_list p ON p.snapshot_id = l.snapshot_id AND p.k = l.k
WHERE s.snapshot_id = :snapshot AND l.k = :k;
