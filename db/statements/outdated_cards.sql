-- The packages in the first :k ranks of the newest complete ranking by downloads, or by any order if there is none, whose
-- repository has a newer commit than the last check of their card, or whose card may be one that only a token shows.
SELECT p.package_id, p.name, p.sha, p.seen_at AS at
FROM ranking r JOIN package p ON p.package_id = r.package_id
LEFT JOIN card_revision v ON v.package_id = p.package_id AND v.valid_to IS NULL
LEFT JOIN card_collection c ON c.collection_id = v.collection_id
WHERE r.rank <= :k AND p.sha IS NOT NULL AND (v.checked_sha IS NOT p.sha OR NOT c.is_public)
  AND r.snapshot_id = (
    SELECT s.snapshot_id FROM snapshot s JOIN registry g ON g.registry_id = s.registry_id
    WHERE g.name = :registry AND s.status = 'complete' AND s.origin = 'crawl'
      AND NOT EXISTS (SELECT 1 FROM census c WHERE c.snapshot_id = s.snapshot_id)
    ORDER BY s.ordered_by = 'downloads' DESC, s.taken_at DESC, s.snapshot_id DESC LIMIT 1)
ORDER BY r.rank;
