-- Who the rows of a page are, what they are called now, and what is newly known of them.
-- CROSS JOIN and + keep the order: from the few rows of the page to the many that are stored.
-- :at is the instant of the snapshot. 1646263744 is 2022-03-02T23:29:04Z: the Hub gives it to everything older.

-- A row that has only a name is the package that had this name then, if one is known to have existed.
UPDATE incoming SET stable_id = coalesce((
    SELECT p.stable_id FROM alias a JOIN package p ON p.package_id = a.package_id
    WHERE a.package_id IN (SELECT n.package_id FROM package n WHERE n.name_hash = incoming.name_hash AND n.name = incoming.name
                           UNION ALL SELECT n.package_id FROM naming n WHERE n.name = incoming.name)
      AND a.name = incoming.name AND +p.registry_id = :registry AND p.stable_id NOT LIKE 'name:%'
      AND (p.created_at <= :at OR p.created_at <= 1646263744)
    ORDER BY a.since <= :at AND (a.until IS NULL OR a.until > :at) DESC,
             CASE WHEN a.since <= :at THEN -a.since ELSE a.since END LIMIT 1), stable_id)
WHERE stable_id LIKE 'name:%';

UPDATE incoming SET key = compact(stable_id) WHERE typeof(key) = 'text' AND key <> stable_id;

-- A package known by its name alone is now seen with its stable id, and was there when it was first listed.
UPDATE package SET key = i.key FROM incoming i
WHERE EXISTS (SELECT 1 FROM package n WHERE n.registry_id = :registry AND n.key >= 'name:' AND n.key < 'name;')
  AND package.registry_id = :registry AND package.key = 'name:' || i.name AND i.stable_id NOT LIKE 'name:%'
  AND (i.created_at <= 1646263744
       OR i.created_at <= (SELECT min(a.since) FROM alias a WHERE a.package_id = package.package_id))
  AND NOT EXISTS (SELECT 1 FROM package p WHERE p.registry_id = :registry AND p.key = i.key);

UPDATE incoming SET package_id =
    (SELECT p.package_id FROM package p WHERE p.registry_id = :registry AND p.key = incoming.key)
WHERE NOT fresh;

INSERT INTO package (registry_id, key, name, name_hash, known_at, created_at, modified_at, revision, downloads, likes,
                     downloads_all_time, trending, dependents, dependent_repos, seen_at, fingerprint)
SELECT :registry, key, name, name_hash, :at, created_at, modified_at, revision, downloads, likes, downloads_all_time, trending,
       dependents, dependent_repos, :at, fingerprint
FROM incoming WHERE stable_id IS NOT NULL AND package_id IS NULL ORDER BY position
ON CONFLICT (registry_id, key) DO NOTHING;

UPDATE incoming SET since = :at - (SELECT p.known_at FROM package p WHERE p.package_id = incoming.package_id)
WHERE package_id IS NOT NULL AND NOT fresh;

UPDATE incoming SET fresh = 1, package_id =
    (SELECT p.package_id FROM package p WHERE p.registry_id = :registry AND p.key = incoming.key)
WHERE package_id IS NULL AND stable_id IS NOT NULL;

-- A package that stands in a page twice.
UPDATE incoming SET again = 1 FROM incoming a WHERE a.package_id = incoming.package_id AND a.position < incoming.position;

-- The last complete census has seen every package that it left a fingerprint of.
UPDATE package SET seen_at = c.at FROM incoming i, (
    SELECT max(s.taken_at) AS at FROM census JOIN snapshot s ON s.snapshot_id = census.snapshot_id
    WHERE s.registry_id = :registry AND s.status = 'complete') c
WHERE package.package_id = i.package_id AND NOT i.fresh AND package.fingerprint IS NOT NULL AND package.seen_at < c.at;

INSERT INTO quality_event (registry_id, snapshot_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT :registry, :snapshot, p.package_id, 'renamed', 'note', p.name, i.name, 'same stable id, another name', :at
FROM incoming i JOIN package p ON p.package_id = i.package_id WHERE NOT i.fresh AND p.name <> i.name AND :at > p.seen_at;

-- A package that has always had its present name has no naming, until it has another one or is seen in older lists.
INSERT INTO naming (package_id, name, since)
SELECT p.package_id, p.name, 0 FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE NOT i.fresh AND (p.name <> i.name OR i.since < 0)
  AND NOT EXISTS (SELECT 1 FROM naming n WHERE n.package_id = i.package_id)
ON CONFLICT DO NOTHING;

-- Another name ends here. Where an older list comes after a newer one, the rest of the interval begins at the next
-- snapshot that has the package.
INSERT INTO naming (package_id, name, since, until)
SELECT n.package_id, n.name, min(s.taken_at) - :at + i.since, n.until FROM incoming i
CROSS JOIN naming n ON n.package_id = i.package_id AND n.name <> i.name AND n.since < i.since
 AND (n.until IS NULL OR n.until > i.since)
CROSS JOIN ranking k ON k.package_id = n.package_id CROSS JOIN snapshot s ON s.snapshot_id = k.snapshot_id
WHERE s.taken_at > :at AND (n.until IS NULL OR s.taken_at - :at + i.since < n.until) GROUP BY n.package_id, n.name, n.until
ON CONFLICT DO NOTHING;

UPDATE naming SET until = i.since FROM incoming i WHERE naming.package_id = i.package_id AND naming.name <> i.name
  AND naming.since < i.since AND (naming.until IS NULL OR naming.until > i.since);

INSERT INTO naming (package_id, name, since, until)
SELECT i.package_id, i.name, i.since,
       (SELECT min(n.since) FROM naming n WHERE n.package_id = i.package_id AND n.since > i.since)
FROM incoming i WHERE NOT i.fresh AND EXISTS (SELECT 1 FROM naming n WHERE n.package_id = i.package_id) AND NOT EXISTS (
    SELECT 1 FROM naming n WHERE n.package_id = i.package_id AND n.since <= i.since AND (n.until IS NULL OR n.until > i.since))
ON CONFLICT DO NOTHING;

-- What its children called a package, before it is called otherwise.
UPDATE edge SET parent_name = p.name FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE edge.parent = +i.package_id AND edge.parent_name = '' AND NOT i.fresh AND p.name <> i.name AND :at >= p.seen_at;

-- Apart from the rest: an index is written anew for every row whose hash is set, though to what it was.
UPDATE package SET name = i.name, name_hash = i.name_hash
FROM incoming i WHERE package.package_id = i.package_id AND NOT i.fresh AND :at >= package.seen_at AND package.name <> i.name;

UPDATE package SET
    seen_at = :at,
    fingerprint = CASE WHEN i.fingerprint IS NOT NULL THEN i.fingerprint
                       WHEN package.fingerprint IS NOT NULL THEN 0 END,  -- the next census looks at it anew
    created_at = coalesce(i.created_at, package.created_at),
    modified_at = coalesce(i.modified_at, package.modified_at),
    revision = coalesce(i.revision, package.revision),
    downloads = coalesce(i.downloads, package.downloads),
    likes = coalesce(i.likes, package.likes),
    downloads_all_time = coalesce(i.downloads_all_time, package.downloads_all_time),
    trending = coalesce(i.trending, package.trending),
    dependents = coalesce(i.dependents, package.dependents),
    dependent_repos = coalesce(i.dependent_repos, package.dependent_repos)
FROM incoming i WHERE package.package_id = i.package_id AND NOT i.fresh AND :at >= package.seen_at;

-- Attributes: close what has changed (only the newest snapshot may say so), then open what is not covered.
UPDATE package_attribute SET until = i.since
FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id CROSS JOIN incoming_attribute v ON v.position = i.position
WHERE package_attribute.package_id = i.package_id AND NOT i.fresh AND package_attribute.until IS NULL
  AND package_attribute.since < i.since AND p.seen_at = :at AND package_attribute.word_id IS NOT v.word_id
  AND v.name = (SELECT w.kind FROM word w WHERE w.word_id = package_attribute.word_id);

INSERT INTO package_attribute (package_id, word_id, since, until)
SELECT i.package_id, v.word_id, i.since,
       (SELECT min(a.since) FROM package_attribute a CROSS JOIN word w ON w.word_id = a.word_id
        WHERE a.package_id = i.package_id AND w.kind = v.name AND a.since > i.since)
FROM incoming i CROSS JOIN incoming_attribute v ON v.position = i.position
WHERE v.word_id IS NOT NULL AND (i.fresh OR NOT EXISTS (
    SELECT 1 FROM package_attribute a CROSS JOIN word w ON w.word_id = a.word_id
    WHERE a.package_id = i.package_id AND w.kind = v.name AND a.since <= i.since AND (a.until IS NULL OR a.until > i.since)))
  AND (NOT i.again OR NOT EXISTS (
    SELECT 1 FROM incoming j JOIN incoming_attribute u ON u.position = j.position AND u.name = v.name
    WHERE j.package_id = i.package_id AND j.position < i.position AND u.word_id IS NOT NULL));

-- Libraries: a set; each is there from one instant to another.
UPDATE package_use SET until = i.since
FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE package_use.package_id = i.package_id AND NOT i.fresh AND i.libraries AND package_use.until IS NULL
  AND package_use.since < i.since AND p.seen_at = :at AND NOT EXISTS (
    SELECT 1 FROM incoming_library b CROSS JOIN word n ON n.word_id = b.word_id
    WHERE b.position = i.position AND n.text = (SELECT w.text FROM word w WHERE w.word_id = package_use.word_id));

INSERT INTO package_use (package_id, word_id, since, until)
SELECT i.package_id, b.word_id, i.since, CASE WHEN p.seen_at > :at THEN p.seen_at - p.known_at END
FROM incoming i CROSS JOIN incoming_library b ON b.position = i.position CROSS JOIN package p ON p.package_id = i.package_id
WHERE i.fresh OR NOT EXISTS (
    SELECT 1 FROM package_use u CROSS JOIN word w ON w.word_id = u.word_id
    WHERE u.package_id = i.package_id AND w.text = (SELECT n.text FROM word n WHERE n.word_id = b.word_id)
      AND u.since <= i.since AND (u.until IS NULL OR u.until > i.since))
ON CONFLICT DO NOTHING;

-- Lineage: a bare name is looked up among all names, and may dangle; parents the registry resolved are packages.
UPDATE incoming_parent SET parent_id = (
    SELECT p.package_id FROM alias a JOIN package p ON p.package_id = a.package_id
    WHERE a.package_id IN (
        SELECT n.package_id FROM package n WHERE n.name_hash = incoming_parent.name_hash AND n.name = incoming_parent.name
        UNION ALL SELECT n.package_id FROM naming n WHERE n.name = incoming_parent.name)
      AND a.name = incoming_parent.name AND +p.registry_id = :registry ORDER BY a.since DESC LIMIT 1)
WHERE key IS NULL;

INSERT INTO package (registry_id, key, name, name_hash, known_at, seen_at)
SELECT :registry, q.key, q.name, q.name_hash, :at, :at FROM incoming_parent q
WHERE q.key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM package p WHERE p.registry_id = :registry AND p.key = q.key)
ORDER BY q.position, q.name
ON CONFLICT (registry_id, key) DO NOTHING;

UPDATE incoming_parent SET parent_id =
    (SELECT p.package_id FROM package p WHERE p.registry_id = :registry AND p.key = incoming_parent.key)
WHERE key IS NOT NULL;

UPDATE edge SET until = i.since
FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE edge.child_id = i.package_id AND NOT i.fresh AND i.lineage AND edge.until IS NULL AND edge.since < i.since
  AND p.seen_at = :at AND NOT EXISTS (
    SELECT 1 FROM incoming_parent q WHERE q.position = i.position AND q.code = edge.relation
       AND coalesce(q.parent_id, 'name:' || q.name) = edge.parent);

INSERT INTO quality_event (registry_id, snapshot_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT :registry, :snapshot, i.package_id, 'self_loop', 'note', NULL, q.relation, 'says it was made from itself', :at
FROM incoming i JOIN incoming_parent q ON q.position = i.position AND q.parent_id = i.package_id
WHERE NOT EXISTS (SELECT 1 FROM edge e WHERE e.child_id = i.package_id AND e.parent = e.child_id);

INSERT INTO edge (child_id, parent, relation, since, until, parent_name)
SELECT i.package_id, coalesce(q.parent_id, 'name:' || q.name), q.code, i.since,
       CASE WHEN p.seen_at > :at THEN p.seen_at - p.known_at END,
       CASE WHEN q.parent_id IS NULL OR q.name = (SELECT r.name FROM package r WHERE r.package_id = q.parent_id) THEN ''
            ELSE q.name END
FROM incoming i CROSS JOIN incoming_parent q ON q.position = i.position CROSS JOIN package p ON p.package_id = i.package_id
WHERE NOT EXISTS (
    SELECT 1 FROM edge e WHERE e.child_id = i.package_id AND e.relation = q.code AND CASE e.since WHEN i.since
        THEN e.parent = coalesce(q.parent_id, 'name:' || q.name) OR q.name = coalesce(
             nullif(e.parent_name, ''), (SELECT r.name FROM package r WHERE r.package_id = e.parent), substr(e.parent, 6))
        ELSE e.parent = coalesce(q.parent_id, 'name:' || q.name) AND e.since < i.since AND (e.until IS NULL OR e.until > i.since) END)
ON CONFLICT DO NOTHING;
