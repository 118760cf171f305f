-- The leaders of the last complete crawl of the same list, at most eight days old. `present` is 1 if a leader is still listed.
-- The leaders are the first tenth of the list, at most 100 packages.
SELECT p.name, EXISTS (SELECT 1 FROM ranking n WHERE n.package_id = r.package_id AND n.snapshot_id = :snapshot) AS present
FROM (SELECT e.snapshot_id, min(100, max(1, min(e.depth, s.k) / 10)) AS leaders
      FROM snapshot e JOIN snapshot s ON s.snapshot_id = :snapshot
       AND e.registry_id = s.registry_id AND e.ordered_by = s.ordered_by AND e.origin = 'crawl'
       AND e.status = 'complete' AND e.counter = s.counter AND e.taken_at < s.taken_at AND e.taken_at >= s.taken_at - 8 * 86400
      ORDER BY e.taken_at DESC LIMIT 1) last
JOIN ranking r ON r.snapshot_id = last.snapshot_id AND r.rank <= last.leaders
JOIN package p ON p.package_id = r.package_id;
