-- Delete the revisions of cards that only a removed file gave, then the cards that no revision has.
UPDATE card_revision SET valid_to = (
    SELECT v.valid_to FROM card_revision v WHERE v.package_id = card_revision.package_id AND v.valid_from = card_revision.valid_to)
WHERE EXISTS (SELECT 1 FROM card_revision v WHERE v.package_id = card_revision.package_id AND v.collection_id = :collection
              AND v.valid_from = card_revision.valid_to AND v.checked_at = v.valid_from);
DELETE FROM card_revision WHERE collection_id = :collection AND checked_at = valid_from;
DELETE FROM score WHERE card_id IN (
    SELECT c.card_id FROM card c WHERE NOT EXISTS (SELECT 1 FROM card_revision v WHERE v.card_id = c.card_id));
DELETE FROM card_field WHERE card_id IN (
    SELECT c.card_id FROM card c WHERE NOT EXISTS (SELECT 1 FROM card_revision v WHERE v.card_id = c.card_id));
DELETE FROM card WHERE NOT EXISTS (SELECT 1 FROM card_revision v WHERE v.card_id = card.card_id);
DELETE FROM card_collection WHERE collection_id = :collection
  AND NOT EXISTS (SELECT 1 FROM card_revision v WHERE v.collection_id = :collection);
