-- The time since which any package had one of the cards in the JSON list :cards, NULL if none had.
SELECT min(v.valid_from) AS since FROM json_each(:cards) c JOIN card_revision v ON v.card_id = c.value;
