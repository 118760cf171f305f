-- The next cards that a scorer has not scored at one version. If :public_only, a package that has the card now is listed, is not
-- gated, and showed the card without a token.
SELECT c.card_id, c.blob, c.truncated, c.dictionary_id, c.content FROM card c
WHERE c.card_id > :after AND NOT EXISTS (
    SELECT 1 FROM score s WHERE s.card_id = c.card_id AND s.scorer = :scorer AND s.version = :version)
  AND (NOT :public_only OR EXISTS (
    SELECT 1 FROM card_revision v JOIN card_collection n ON n.collection_id = v.collection_id
    WHERE v.card_id = c.card_id AND v.valid_to IS NULL AND n.is_public
      AND NOT EXISTS (SELECT 1 FROM attribute a
                      WHERE a.package_id = v.package_id AND a.name = 'gated' AND a.valid_to IS NULL)
      AND NOT EXISTS (SELECT 1 FROM missing_package m
                      WHERE m.package_id = v.package_id AND m.state IN ('unknown', 'deleted', 'gated', 'disabled'))))
ORDER BY c.card_id LIMIT :limit;
