-- The coverage of each field in the last eight complete crawls of the same list, for the median. An import has no baseline:
-- its format decides which fields it has.
SELECT b.field, b.share FROM field_coverage b JOIN (
    SELECT e.snapshot_id FROM snapshot e JOIN snapshot s ON s.snapshot_id = :snapshot
     AND e.registry_id = s.registry_id AND e.ordered_by = s.ordered_by AND e.origin = 'crawl' AND s.origin = 'crawl'
     AND e.k IS s.k AND e.status = 'complete' AND e.taken_at < s.taken_at
    ORDER BY e.taken_at DESC LIMIT 8) earlier ON earlier.snapshot_id = b.snapshot_id;
