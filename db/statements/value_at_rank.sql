-- The counter that orders a list, at one rank.
SELECT CASE s.ordered_by WHEN 'downloads' THEN r.downloads WHEN 'likes' THEN r.likes
                         WHEN 'dependents' THEN r.dependents ELSE r.trending END AS value
FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id WHERE s.snapshot_id = :snapshot AND r.rank = :rank;
