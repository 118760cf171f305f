-- The next cards that are compressed without a dictionary.
SELECT card_id, blob, truncated, dictionary_id, content FROM card
WHERE dictionary_id IS NULL AND card_id > :after ORDER BY card_id LIMIT :limit;
