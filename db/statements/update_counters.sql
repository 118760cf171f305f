-- Add counters to packages that the list of the snapshot already has. Other rows are below its last rank.
UPDATE incoming SET rank = (
    SELECT k.rank FROM ranking k WHERE k.package_id = incoming.package_id AND k.snapshot_id = :snapshot);

UPDATE ranking SET
    page = :page, downloads = i.downloads, likes = i.likes, dependents = i.dependents,
    dependent_repos = i.dependent_repos, synced_at = i.synced_at
FROM incoming i WHERE ranking.snapshot_id = :snapshot AND ranking.rank = i.rank;
