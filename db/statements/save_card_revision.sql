-- Save the result of one check of the card of :package at the time :at: :state and :card. Each change is one revision.

-- The result is the same as in the stored revision: only note the check, and that everyone sees the card.
UPDATE card_revision SET
    checked_sha = CASE WHEN :at >= checked_at THEN coalesce(:sha, checked_sha) ELSE checked_sha END,
    checked_at = max(checked_at, :at),
    collection_id = CASE WHEN (SELECT c.is_public FROM card_collection c WHERE c.collection_id = card_revision.collection_id)
                    THEN collection_id ELSE :collection END
WHERE package_id = :package AND valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)
  AND state = :state AND card_id IS :card;

-- Another result of the same time is replaced.
DELETE FROM card_revision
WHERE package_id = :package AND valid_from = :at AND NOT (state = :state AND card_id IS :card);

-- An older check may be saved after a newer check. Then the stored revision continues at its last check.
INSERT INTO card_revision (package_id, valid_from, valid_to, state, card_id, sha, checked_sha, checked_at, fetched_at,
                           collection_id, note)
SELECT package_id, checked_at, valid_to, state, card_id, checked_sha, checked_sha, checked_at, fetched_at, collection_id, note
FROM card_revision
WHERE package_id = :package AND valid_from < :at AND (valid_to IS NULL OR valid_to > :at) AND checked_at > :at
  AND (valid_to IS NULL OR valid_to > checked_at) AND NOT (state = :state AND card_id IS :card);

-- The stored revision ends at :at.
UPDATE card_revision SET valid_to = :at, checked_at = min(checked_at, :at)
WHERE package_id = :package AND valid_from < :at AND (valid_to IS NULL OR valid_to > :at)
  AND NOT (state = :state AND card_id IS :card);

INSERT INTO card_revision (package_id, valid_from, valid_to, state, card_id, sha, checked_sha, checked_at, fetched_at,
                           collection_id, note)
SELECT :package, :at,
       (SELECT min(v.valid_from) FROM card_revision v WHERE v.package_id = :package AND v.valid_from > :at),
       :state, :card, :sha, :sha, :at, :fetched_at, :collection, :note
WHERE NOT EXISTS (
    SELECT 1 FROM card_revision v
    WHERE v.package_id = :package AND v.valid_from <= :at AND (v.valid_to IS NULL OR v.valid_to > :at));
