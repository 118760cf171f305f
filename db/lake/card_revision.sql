-- The card of a package, with the time for which it was valid. The texts are not exported; `card_id` identifies a card.
SELECT t.package_id, t.state, t.card_id, t.sha,
       CASE WHEN t.checked_at < :until THEN t.checked_at ELSE :until - 1 END AS checked_at, t.valid_from AS since,
       CASE WHEN t.valid_to < :until THEN t.valid_to END AS until
FROM card_revision t JOIN package p ON p.package_id = t.package_id
WHERE p.registry_id = (SELECT registry_id FROM registry WHERE name = :registry)
  AND t.valid_from < :until AND (t.valid_to IS NULL OR t.valid_to > :since)
ORDER BY t.package_id, t.valid_from
