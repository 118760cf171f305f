-- Assign ranks to the rows of a page. A repeated package keeps its first rank. A rejected row occupies a rank and leaves it empty.
UPDATE incoming SET rank = n.rank FROM (
    SELECT i.position, row_number() OVER (ORDER BY i.position) + (
        SELECT coalesce(sum(g.kept + g.rejected + g.beyond), 0) FROM page g
        WHERE g.snapshot_id = :snapshot AND g.role IN ('ranking', 'file')) AS rank
    FROM incoming i
    WHERE i.stable_id IS NULL OR (
        NOT EXISTS (SELECT 1 FROM ranking k WHERE k.package_id = i.package_id AND k.snapshot_id = :snapshot)
        AND NOT EXISTS (SELECT 1 FROM incoming j WHERE j.package_id = i.package_id AND j.position < i.position))) n
WHERE n.position = incoming.position;

INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads, likes, downloads_all_time, trending, dependents,
                     dependent_repos, synced_at)
SELECT :snapshot, rank, package_id, :page, downloads, likes, downloads_all_time, trending, dependents,
       dependent_repos, synced_at
FROM incoming WHERE stable_id IS NOT NULL AND rank <= :k ORDER BY rank;

UPDATE snapshot SET next_value = (
    SELECT CASE snapshot.ordered_by WHEN 'downloads' THEN downloads WHEN 'likes' THEN likes
                                    WHEN 'dependents' THEN dependents ELSE trending END
    FROM incoming WHERE rank = :k + 1)
WHERE snapshot_id = :snapshot AND next_value IS NULL;
