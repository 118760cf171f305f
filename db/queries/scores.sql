-- Scores of the cards that the packages of a complete snapshot had at its time: one row for each scorer, version and card.
-- `yes` counts the questions that the card answers, of five. `found` counts the questions that have a yes or a no.
SELECT k.scorer, k.version, k.card_id AS card, SUM(CASE WHEN k.state = 'yes' THEN 1 ELSE 0 END) AS yes,
       SUM(CASE WHEN k.state IN ('yes', 'no') THEN 1 ELSE 0 END) AS found, MAX(k.scored_at) AS scored_at
FROM score k
WHERE k.card_id IN (
    SELECT v.card_id
    FROM snapshot s
    JOIN ranking r ON r.snapshot_id = s.snapshot_id
    JOIN card_revision v ON v.package_id = r.package_id AND v.valid_from <= s.taken_at
     AND (v.valid_to IS NULL OR v.valid_to > s.taken_at)
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete' AND v.card_id IS NOT NULL)
GROUP BY k.scorer, k.version, k.card_id
ORDER BY k.scorer, k.version, k.card_id
