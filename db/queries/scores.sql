-- What each scorer found in the cards that packages of a complete snapshot had at its instant: a row for each scorer, version
-- and card, with how many of the five questions are answered (`yes`) and how many have a finding at all (`found`).
SELECT k.scorer, k.version, k.card_id AS card, SUM(CASE WHEN k.state = 'yes' THEN 1 ELSE 0 END) AS yes,
       SUM(CASE WHEN k.state IN ('yes', 'no') THEN 1 ELSE 0 END) AS found, MAX(k.scored_at) AS scored_at
FROM score k
WHERE k.card_id IN (
    SELECT v.card_id
    FROM snapshot s
    JOIN ranking r ON r.snapshot_id = s.snapshot_id
    JOIN card_revision v ON v.package_id = r.package_id AND v.since <= s.taken_at
     AND (v.until IS NULL OR v.until > s.taken_at)
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete' AND v.card_id IS NOT NULL)
GROUP BY k.scorer, k.version, k.card_id
ORDER BY k.scorer, k.version, k.card_id
