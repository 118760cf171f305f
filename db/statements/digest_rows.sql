-- The rows whose sha256 is the digest of a snapshot: in order, as served, without package_id, which differs between stores.
SELECT k.rank, (SELECT a.name FROM alias a WHERE a.package_id = k.package_id AND a.valid_from <= s.taken_at
                ORDER BY a.valid_from DESC LIMIT 1) AS name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id WHERE k.snapshot_id = :snapshot ORDER BY k.rank;
