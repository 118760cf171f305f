-- What each scorer answered of each card, up to the end of the time asked for. Why, and where in the text, is not here.
SELECT k.card_id, k.scorer, k.version, k.item, k.state, k.agreement, k.scored_at
FROM score k
WHERE k.scored_at < :until
  AND EXISTS (SELECT 1 FROM card_revision t
              WHERE t.card_id = k.card_id AND t.since < :until AND (t.until IS NULL OR t.until > :since))
ORDER BY k.card_id, k.scorer, k.version, k.item
