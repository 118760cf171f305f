-- One list by its number, with its registry.
SELECT s.snapshot_id AS snapshot, g.name AS registry, g.service, g.service_name, s.date, s.taken_at, s.counter, s.depth,
       s.next_value, s.origin
FROM snapshot s JOIN registry g ON g.registry_id = s.registry_id WHERE s.snapshot_id = :snapshot;
