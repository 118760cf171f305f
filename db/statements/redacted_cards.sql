-- The numbers and hashes of the cards that only packages of :numbers have had.
SELECT c.card_id, c.blob FROM card c
WHERE c.card_id IN (SELECT v.card_id FROM card_revision v WHERE v.package_id IN (SELECT value FROM json_each(:numbers)))
  AND NOT EXISTS (SELECT 1 FROM card_revision o WHERE o.card_id = c.card_id
                  AND o.package_id NOT IN (SELECT value FROM json_each(:numbers)))
