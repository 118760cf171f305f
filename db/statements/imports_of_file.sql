-- The snapshots of one day that were imported from a file, with the options of the imports.
SELECT s.snapshot_id, s.status, s.depth, s.counter, s.settings, date(s.taken_at, 'unixepoch') AS date
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id
WHERE r.name = :registry AND s.ordered_by = :by AND s.taken_at = :at AND s.file_sha256 = :content
  AND s.status IN ('complete', 'partial')
ORDER BY s.snapshot_id;
