-- Some cards from the whole range, in an order that is no order of theirs, and the same each time.
SELECT card_id, blob, truncated, dictionary_id, content FROM card WHERE size > 0
ORDER BY (card_id * 2654435761) % 4294967296 LIMIT :limit;
