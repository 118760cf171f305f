-- What each scorer answered of the cards that packages of a complete snapshot had at its instant, question by question: 1 is
-- yes, 0 is no; what is neither has no row. Of each scorer the version that scored last.
WITH had AS (
    SELECT DISTINCT v.card_id
    FROM snapshot s
    JOIN ranking r ON r.snapshot_id = s.snapshot_id
    JOIN card_revision v ON v.package_id = r.package_id AND v.since <= s.taken_at
     AND (v.until IS NULL OR v.until > s.taken_at)
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete' AND v.card_id IS NOT NULL),
found AS (
    SELECT k.scorer, k.version, k.card_id, k.item, k.state, k.scored_at
    FROM score k
    WHERE k.state IN ('yes', 'no') AND k.card_id IN (SELECT card_id FROM had)),
versions AS (
    SELECT scorer, version, MAX(scored_at) AS scored_at FROM found GROUP BY scorer, version),
newest AS (
    SELECT scorer, MAX(version) AS version
    FROM versions v
    WHERE v.scored_at = (SELECT MAX(o.scored_at) FROM versions o WHERE o.scorer = v.scorer)
    GROUP BY scorer)
SELECT f.scorer, f.version, f.card_id AS card, f.item, CASE WHEN f.state = 'yes' THEN 1 ELSE 0 END AS yes
FROM found f
JOIN newest n ON n.scorer = f.scorer AND n.version = f.version
ORDER BY f.scorer, f.card_id, f.item
