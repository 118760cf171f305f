-- How many packages the newest complete list by downloads (of any order where there is none) has in its first :k.
SELECT count(*) AS places FROM ranking r
WHERE r.rank <= :k AND r.snapshot_id = (
    SELECT s.snapshot_id FROM snapshot s JOIN registry g ON g.registry_id = s.registry_id
    WHERE g.name = :registry AND s.status = 'complete' AND s.origin = 'crawl'
    ORDER BY s.ordered_by = 'downloads' DESC, s.taken_at DESC, s.snapshot_id DESC LIMIT 1);
