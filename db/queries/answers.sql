-- The answers of each scorer about the cards that the packages of a complete snapshot had at its time: 1 is yes, 0 is no.
-- Other states have no row. For each scorer, the version that scored last.
WITH listed_card AS (
    SELECT DISTINCT v.card_id
    FROM snapshot s
    JOIN ranking r ON r.snapshot_id = s.snapshot_id
    JOIN card_revision v ON v.package_id = r.package_id AND v.valid_from <= s.taken_at
     AND (v.valid_to IS NULL OR v.valid_to > s.taken_at)
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete' AND v.card_id IS NOT NULL),
answer AS (
    SELECT k.scorer, k.version, k.card_id, k.item, k.state, k.scored_at
    FROM score k
    WHERE k.state IN ('yes', 'no') AND k.card_id IN (SELECT card_id FROM listed_card)),
versions AS (
    SELECT scorer, version, MAX(scored_at) AS scored_at FROM answer GROUP BY scorer, version),
newest AS (
    SELECT scorer, MAX(version) AS version
    FROM versions v
    WHERE v.scored_at = (SELECT MAX(o.scored_at) FROM versions o WHERE o.scorer = v.scorer)
    GROUP BY scorer)
SELECT a.scorer, a.version, a.card_id AS card, a.item, CASE WHEN a.state = 'yes' THEN 1 ELSE 0 END AS yes
FROM answer a
JOIN newest n ON n.scorer = a.scorer AND n.version = a.version
ORDER BY a.scorer, a.card_id, a.item
