-- A sample of cards from the whole range. The order is pseudo-random and always the same.
SELECT card_id, blob, truncated, dictionary_id, content FROM card WHERE size > 0
ORDER BY (card_id * 2654435761) % 4294967296 LIMIT :limit;
