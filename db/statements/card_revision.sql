-- What was found of one package (:package) at the instant :at: :state and :card. A revision row for each change.

-- The same as before: it was looked at again.
UPDATE card_revision SET
    looked_sha = CASE WHEN :at >= looked_at THEN coalesce(:sha, looked_sha) ELSE looked_sha END,
    looked_at = max(looked_at, :at)
WHERE package_id = :package AND since <= :at AND (until IS NULL OR until > :at) AND state = :state AND card_id IS :card;

-- Another at the very instant: the later word counts.
DELETE FROM card_revision
WHERE package_id = :package AND since = :at AND NOT (state = :state AND card_id IS :card);

-- Where an older look comes after a newer one, what was seen again later goes on from there.
INSERT INTO card_revision (package_id, since, until, state, card_id, sha, looked_sha, looked_at, fetched_at,
                           collection_id, note)
SELECT package_id, looked_at, until, state, card_id, looked_sha, looked_sha, looked_at, fetched_at, collection_id, note
FROM card_revision
WHERE package_id = :package AND since < :at AND (until IS NULL OR until > :at) AND looked_at > :at
  AND NOT (state = :state AND card_id IS :card);

-- What was there before ends here.
UPDATE card_revision SET until = :at, looked_at = min(looked_at, :at)
WHERE package_id = :package AND since < :at AND (until IS NULL OR until > :at) AND NOT (state = :state AND card_id IS :card);

INSERT INTO card_revision (package_id, since, until, state, card_id, sha, looked_sha, looked_at, fetched_at,
                           collection_id, note)
SELECT :package, :at, (SELECT min(v.since) FROM card_revision v WHERE v.package_id = :package AND v.since > :at),
       :state, :card, :sha, :sha, :at, :fetched_at, :collection, :note
WHERE NOT EXISTS (
    SELECT 1 FROM card_revision v WHERE v.package_id = :package AND v.since <= :at AND (v.until IS NULL OR v.until > :at));
