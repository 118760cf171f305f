-- The next cards that a scorer has not scored at one version.
SELECT c.card_id, c.blob, c.truncated, c.dictionary_id, c.content FROM card c
WHERE c.card_id > :after AND NOT EXISTS (
    SELECT 1 FROM score s WHERE s.card_id = c.card_id AND s.scorer = :scorer AND s.version = :version)
ORDER BY c.card_id LIMIT :limit;
