-- The fields that have a value in the front matter of a card, for the cards of the exported period.
SELECT f.card_id, f.field
FROM card_field f
WHERE EXISTS (SELECT 1 FROM card_revision t
              WHERE t.card_id = f.card_id AND t.valid_from < :until AND (t.valid_to IS NULL OR t.valid_to > :since))
ORDER BY f.card_id, f.field
