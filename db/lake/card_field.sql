-- The fields to which the front matter of a card gives a value, for the cards of the time asked for.
SELECT f.card_id, f.field
FROM card_field f
WHERE EXISTS (SELECT 1 FROM card_revision t
              WHERE t.card_id = f.card_id AND t.since < :until AND (t.until IS NULL OR t.until > :since))
ORDER BY f.card_id, f.field
