-- Which card a package had, from one instant to another. The texts are not here; `card_id` tells cards apart.
SELECT t.package_id, t.state, t.card_id, t.sha, t.since,
       CASE WHEN t.until < :until THEN t.until END AS until
FROM card_revision t JOIN package p ON p.package_id = t.package_id
WHERE p.registry_id = (SELECT registry_id FROM registry WHERE name = :registry)
  AND t.since < :until AND (t.until IS NULL OR t.until > :since)
ORDER BY t.package_id, t.since
