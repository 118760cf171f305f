-- Delete the observations of cards in a removed file of the time :at, then the cards that no revision has. A revision that a later
-- check confirmed stays: it begins at that check, and belongs to the collection of that check.

-- The same card before and in the file, or before and after the file: one revision.
UPDATE card_revision SET valid_to = r.valid_to,
    checked_sha = CASE WHEN r.checked_at IN (r.valid_from, r.valid_to) THEN card_revision.checked_sha ELSE r.checked_sha END,
    checked_at = CASE WHEN r.checked_at IN (r.valid_from, r.valid_to) THEN card_revision.checked_at ELSE r.checked_at END
FROM card_revision r
WHERE r.collection_id = :collection AND r.valid_from = :at
  AND card_revision.package_id = r.package_id AND card_revision.valid_to = r.valid_from
  AND card_revision.state = r.state AND card_revision.card_id IS r.card_id;
UPDATE card_revision SET valid_to = s.valid_to, checked_sha = s.checked_sha, checked_at = s.checked_at
FROM card_revision r JOIN card_revision s ON s.package_id = r.package_id AND s.valid_from = r.valid_to
WHERE r.collection_id = :collection AND r.valid_from = :at AND r.checked_at IN (r.valid_from, r.valid_to)
  AND card_revision.package_id = r.package_id AND card_revision.valid_to = r.valid_from
  AND card_revision.state = s.state AND card_revision.card_id IS s.card_id;
DELETE FROM card_revision
WHERE package_id IN (SELECT r.package_id FROM card_revision r WHERE r.collection_id = :collection)
  AND EXISTS (SELECT 1 FROM card_revision p WHERE p.package_id = card_revision.package_id
              AND p.valid_from < card_revision.valid_from AND coalesce(p.valid_to > card_revision.valid_from, 1));

-- The revision before the file lasts until the next check.
UPDATE card_revision SET valid_to = CASE WHEN r.checked_at IN (r.valid_from, r.valid_to) THEN r.valid_to ELSE r.checked_at END
FROM card_revision r
WHERE r.collection_id = :collection AND r.valid_from = :at
  AND card_revision.package_id = r.package_id AND card_revision.valid_to = r.valid_from;
DELETE FROM card_revision
WHERE collection_id = :collection AND valid_from = :at AND checked_at IN (valid_from, coalesce(valid_to, valid_from));
UPDATE card_revision SET valid_from = checked_at, sha = checked_sha WHERE collection_id = :collection AND valid_from = :at;

-- A check of a crawl has the time of a commit, which is before the crawl.
UPDATE card_revision SET collection_id = coalesce((
    SELECT c.collection_id FROM card_collection c
    WHERE c.registry_id = :registry AND c.collection_id <> :collection AND c.taken_at >= card_revision.valid_from
    ORDER BY c.taken_at LIMIT 1), collection_id)
WHERE collection_id = :collection;

-- The file was the last to confirm a revision.
UPDATE card_revision SET checked_at = valid_from
WHERE checked_at = :at AND valid_from < :at AND coalesce(valid_to > :at, 1)
  AND package_id IN (SELECT p.package_id FROM package p WHERE p.registry_id = :registry)
  AND NOT EXISTS (SELECT 1 FROM card_collection c
                  WHERE c.registry_id = :registry AND c.taken_at = :at AND c.collection_id <> :collection);

DELETE FROM score WHERE card_id IN (
    SELECT c.card_id FROM card c WHERE NOT EXISTS (SELECT 1 FROM card_revision v WHERE v.card_id = c.card_id));
DELETE FROM card_field WHERE card_id IN (
    SELECT c.card_id FROM card c WHERE NOT EXISTS (SELECT 1 FROM card_revision v WHERE v.card_id = c.card_id));
DELETE FROM card WHERE NOT EXISTS (SELECT 1 FROM card_revision v WHERE v.card_id = card.card_id);
DELETE FROM card_collection WHERE collection_id = :collection
  AND NOT EXISTS (SELECT 1 FROM card_revision v WHERE v.collection_id = :collection);
