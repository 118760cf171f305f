-- The rows whose sha256 is a snapshot's digest: as they were served, in order, without our own numbers for packages.
SELECT k.rank, (SELECT a.name FROM alias a WHERE a.package_id = k.package_id AND a.since <= s.taken_at
                ORDER BY a.since DESC LIMIT 1) AS name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id WHERE k.snapshot_id = :snapshot ORDER BY k.rank;
