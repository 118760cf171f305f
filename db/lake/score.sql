-- The answers of each scorer about each card, up to the end of the exported period. Reasons and text passages are not exported.
SELECT k.card_id, k.scorer, k.version, k.item, k.state, k.agreement, k.scored_at
FROM score k
WHERE k.scored_at < :until
  AND EXISTS (SELECT 1 FROM card_revision t
              WHERE t.card_id = k.card_id AND t.valid_from < :until AND (t.valid_to IS NULL OR t.valid_to > :since))
ORDER BY k.card_id, k.scorer, k.version, k.item
