-- The number of packages in the first :k ranks of the newest complete ranking by downloads, or by any order if there is none.
SELECT count(*) AS places FROM ranking r
WHERE r.rank <= :k AND r.snapshot_id = (
    SELECT s.snapshot_id FROM snapshot s JOIN registry g ON g.registry_id = s.registry_id
    WHERE g.name = :registry AND s.status = 'complete' AND s.origin = 'crawl'
      AND NOT EXISTS (SELECT 1 FROM census c WHERE c.snapshot_id = s.snapshot_id)
    ORDER BY s.ordered_by = 'downloads' DESC, s.taken_at DESC, s.snapshot_id DESC LIMIT 1);
