-- Match the rows of a page with packages, update names, and store what is new about each package.
-- CROSS JOIN and unary + fix the join order: from the few rows of the page to the many stored rows.
-- :at is the time of the snapshot. 1646263744 is 2022-03-02T23:29:04Z, the creation date that the Hub gives to all older packages.

-- A row that has only a name is the package that had the name at :at, if such a package existed then. A package that is known
-- to have moved (db/renames.toml) has two names.
UPDATE incoming SET other_name = other_name(r.name, incoming.name) FROM registry r
WHERE r.registry_id = :registry AND incoming.stable_id LIKE 'name:%';

UPDATE incoming SET stable_id = coalesce((
    SELECT p.stable_id FROM alias a JOIN package p ON p.package_id = a.package_id
    WHERE a.package_id IN (
        SELECT n.package_id FROM package n
        WHERE n.name_hash IN (incoming.name_hash, short_hash(incoming.other_name))
          AND n.name IN (incoming.name, incoming.other_name)
        UNION ALL SELECT n.package_id FROM name_history n WHERE n.name IN (incoming.name, incoming.other_name))
      AND a.name IN (incoming.name, incoming.other_name) AND +p.registry_id = :registry AND p.stable_id NOT LIKE 'name:%'
      AND (p.created_at <= :at OR p.created_at <= 1646263744)
    ORDER BY a.valid_from <= :at AND (a.valid_to IS NULL OR a.valid_to > :at) DESC,
             CASE WHEN a.valid_from <= :at THEN -a.valid_from ELSE a.valid_from END LIMIT 1), stable_id)
WHERE stable_id LIKE 'name:%';

UPDATE incoming SET key = compact(stable_id) WHERE typeof(key) = 'text' AND key <> stable_id;

-- A package that was stored under its former name before db/renames.toml had the rename gets the key of the current name.
UPDATE package SET key = 'name:' || current_name((SELECT r.name FROM registry r WHERE r.registry_id = :registry), substr(key, 6))
WHERE package_id IN (
    SELECT f.package_id FROM registry r CROSS JOIN incoming i CROSS JOIN package f ON f.registry_id = :registry
      AND f.key IN ('name:' || i.name, 'name:' || other_name(r.name, i.name))
    WHERE r.registry_id = :registry AND other_name(r.name, i.name) <> i.name)
  AND NOT EXISTS (SELECT 1 FROM package p WHERE p.registry_id = :registry AND p.key = 'name:' || current_name(
      (SELECT r.name FROM registry r WHERE r.registry_id = :registry), substr(package.key, 6)));

-- A package that was known only by its name gets its stable id, if the package existed when the name was first listed.
UPDATE package SET key = i.key FROM incoming i
WHERE EXISTS (SELECT 1 FROM package n WHERE n.registry_id = :registry AND n.key >= 'name:' AND n.key < 'name;')
  AND package.registry_id = :registry AND i.stable_id NOT LIKE 'name:%'
  AND package.key = 'name:' || current_name((SELECT r.name FROM registry r WHERE r.registry_id = :registry), i.name)
  AND (i.created_at <= 1646263744
       OR i.created_at <= (SELECT min(a.valid_from) FROM alias a WHERE a.package_id = package.package_id))
  AND NOT EXISTS (SELECT 1 FROM package p WHERE p.registry_id = :registry AND p.key = i.key);

UPDATE incoming SET package_id =
    (SELECT p.package_id FROM package p WHERE p.registry_id = :registry AND p.key = incoming.key)
WHERE NOT is_new;

INSERT INTO package (registry_id, key, name, name_hash, first_seen_at, created_at, modified_at, revision, downloads, likes,
                     downloads_all_time, trending, dependents, dependent_repos, seen_at, fingerprint)
SELECT :registry, key, name, name_hash, :at, created_at, modified_at, revision, downloads, likes, downloads_all_time, trending,
       dependents, dependent_repos, :at, fingerprint
FROM incoming WHERE stable_id IS NOT NULL AND package_id IS NULL ORDER BY position
ON CONFLICT (registry_id, key) DO NOTHING;

UPDATE incoming SET valid_from = :at - (SELECT p.first_seen_at FROM package p WHERE p.package_id = incoming.package_id)
WHERE package_id IS NOT NULL AND NOT is_new;

UPDATE incoming SET is_new = 1, package_id =
    (SELECT p.package_id FROM package p WHERE p.registry_id = :registry AND p.key = incoming.key)
WHERE package_id IS NULL AND stable_id IS NOT NULL;

-- A package may be on a page twice.
UPDATE incoming SET is_repeat = 1 FROM incoming a
WHERE a.package_id = incoming.package_id AND a.position < incoming.position;

-- The last complete census has seen every package that has a fingerprint.
UPDATE package SET seen_at = c.at FROM incoming i, (
    SELECT max(s.taken_at) AS at FROM census JOIN snapshot s ON s.snapshot_id = census.snapshot_id
    WHERE s.registry_id = :registry AND s.status = 'complete') c
WHERE package.package_id = i.package_id AND NOT i.is_new AND package.fingerprint IS NOT NULL AND package.seen_at < c.at;

INSERT INTO quality_event (registry_id, snapshot_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT :registry, :snapshot, p.package_id, 'renamed', 'note', p.name, i.name,
       CASE WHEN p.stable_id LIKE 'name:%' THEN 'a known rename' ELSE 'same stable id, another name' END, :at
FROM incoming i JOIN package p ON p.package_id = i.package_id WHERE NOT i.is_new AND p.name <> i.name AND :at > p.seen_at;

-- A package that has had only one name has no row in name_history. The first row is added when the package gets another name
-- or when an older list has the package.
INSERT INTO name_history (package_id, name, valid_from)
SELECT p.package_id, p.name, 0 FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE NOT i.is_new AND (p.name <> i.name OR i.valid_from < 0)
  AND NOT EXISTS (SELECT 1 FROM name_history n WHERE n.package_id = i.package_id)
ON CONFLICT DO NOTHING;

-- Another name ends at :at. An older list may be stored after a newer list. Then the rest of the interval begins at the next
-- snapshot that has the package.
INSERT INTO name_history (package_id, name, valid_from, valid_to)
SELECT n.package_id, n.name, min(s.taken_at) - :at + i.valid_from, n.valid_to FROM incoming i
CROSS JOIN name_history n ON n.package_id = i.package_id AND n.name <> i.name AND n.valid_from < i.valid_from
 AND (n.valid_to IS NULL OR n.valid_to > i.valid_from)
CROSS JOIN ranking k ON k.package_id = n.package_id CROSS JOIN snapshot s ON s.snapshot_id = k.snapshot_id
WHERE s.taken_at > :at AND (n.valid_to IS NULL OR s.taken_at - :at + i.valid_from < n.valid_to)
GROUP BY n.package_id, n.name, n.valid_to
ON CONFLICT DO NOTHING;

UPDATE name_history SET valid_to = i.valid_from FROM incoming i
WHERE name_history.package_id = i.package_id AND name_history.name <> i.name
  AND name_history.valid_from < i.valid_from AND (name_history.valid_to IS NULL OR name_history.valid_to > i.valid_from);

INSERT INTO name_history (package_id, name, valid_from, valid_to)
SELECT i.package_id, i.name, i.valid_from,
       (SELECT min(n.valid_from) FROM name_history n WHERE n.package_id = i.package_id AND n.valid_from > i.valid_from)
FROM incoming i
WHERE NOT i.is_new AND EXISTS (SELECT 1 FROM name_history n WHERE n.package_id = i.package_id) AND NOT EXISTS (
    SELECT 1 FROM name_history n
    WHERE n.package_id = i.package_id AND n.valid_from <= i.valid_from
      AND (n.valid_to IS NULL OR n.valid_to > i.valid_from))
ON CONFLICT DO NOTHING;

-- Before a package is renamed, its children's edges keep the old name.
UPDATE edge SET parent_name = p.name FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE edge.parent = +i.package_id AND edge.parent_name = '' AND NOT i.is_new AND p.name <> i.name AND :at >= p.seen_at;

-- A statement of its own: SQLite rewrites the index entry of every row whose hash is set, even to the same value.
UPDATE package SET name = i.name, name_hash = i.name_hash
FROM incoming i
WHERE package.package_id = i.package_id AND NOT i.is_new AND :at >= package.seen_at AND package.name <> i.name;

-- An import may be removed again. The values that it replaces are kept, under the snapshot that stated them if there is one.
INSERT INTO stated_value (package_id, snapshot_id, stated_at, created_at, modified_at, revision)
SELECT p.package_id, coalesce((
           SELECT max(s.snapshot_id) FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id
           WHERE k.package_id = p.package_id AND s.taken_at = p.seen_at), 0), p.seen_at, p.created_at, p.modified_at, p.revision
FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE (SELECT s.origin FROM snapshot s WHERE s.snapshot_id = :snapshot) = 'import' AND NOT i.is_new AND :at >= p.seen_at
  AND coalesce(i.created_at, i.modified_at, i.revision) IS NOT NULL
  AND coalesce(p.created_at, p.modified_at, p.revision) IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM stated_value v WHERE v.package_id = p.package_id AND v.stated_at = p.seen_at)
ON CONFLICT DO NOTHING;

UPDATE package SET
    seen_at = :at,
    fingerprint = CASE WHEN i.fingerprint IS NOT NULL THEN i.fingerprint
                       WHEN package.fingerprint IS NOT NULL THEN 0 END,  -- 0: the next census stores the package again
    created_at = coalesce(i.created_at, package.created_at),
    modified_at = coalesce(i.modified_at, package.modified_at),
    revision = coalesce(i.revision, package.revision),
    downloads = coalesce(i.downloads, package.downloads),
    likes = coalesce(i.likes, package.likes),
    downloads_all_time = coalesce(i.downloads_all_time, package.downloads_all_time),
    trending = coalesce(i.trending, package.trending),
    dependents = coalesce(i.dependents, package.dependents),
    dependent_repos = coalesce(i.dependent_repos, package.dependent_repos)
FROM incoming i WHERE package.package_id = i.package_id AND NOT i.is_new AND :at >= package.seen_at;

-- Attributes: end the intervals whose value has changed (only the newest snapshot may end them), then add the new values.
UPDATE package_attribute SET valid_to = i.valid_from
FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id CROSS JOIN incoming_attribute v ON v.position = i.position
WHERE package_attribute.package_id = i.package_id AND NOT i.is_new AND package_attribute.valid_to IS NULL
  AND package_attribute.valid_from < i.valid_from AND p.seen_at = :at AND package_attribute.term_id IS NOT v.term_id
  AND v.name = (SELECT t.kind FROM term t WHERE t.term_id = package_attribute.term_id);

INSERT INTO package_attribute (package_id, term_id, valid_from, valid_to)
SELECT i.package_id, v.term_id, i.valid_from,
       (SELECT min(a.valid_from) FROM package_attribute a CROSS JOIN term t ON t.term_id = a.term_id
        WHERE a.package_id = i.package_id AND t.kind = v.name AND a.valid_from > i.valid_from)
FROM incoming i CROSS JOIN incoming_attribute v ON v.position = i.position
WHERE v.term_id IS NOT NULL AND (i.is_new OR NOT EXISTS (
    SELECT 1 FROM package_attribute a CROSS JOIN term t ON t.term_id = a.term_id
    WHERE a.package_id = i.package_id AND t.kind = v.name AND a.valid_from <= i.valid_from
      AND (a.valid_to IS NULL OR a.valid_to > i.valid_from)))
  AND (NOT i.is_repeat OR NOT EXISTS (
    SELECT 1 FROM incoming j JOIN incoming_attribute u ON u.position = j.position AND u.name = v.name
    WHERE j.package_id = i.package_id AND j.position < i.position AND u.term_id IS NOT NULL));

-- Libraries: a package has a set of libraries, each with its own interval.
UPDATE package_library_interval SET valid_to = i.valid_from
FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE package_library_interval.package_id = i.package_id AND NOT i.is_new AND i.libraries
  AND package_library_interval.valid_to IS NULL AND package_library_interval.valid_from < i.valid_from
  AND p.seen_at = :at AND NOT EXISTS (
    SELECT 1 FROM incoming_library b CROSS JOIN term n ON n.term_id = b.term_id
    WHERE b.position = i.position
      AND n.text = (SELECT t.text FROM term t WHERE t.term_id = package_library_interval.term_id));

INSERT INTO package_library_interval (package_id, term_id, valid_from, valid_to)
SELECT i.package_id, b.term_id, i.valid_from, CASE WHEN p.seen_at > :at THEN p.seen_at - p.first_seen_at END
FROM incoming i CROSS JOIN incoming_library b ON b.position = i.position CROSS JOIN package p ON p.package_id = i.package_id
WHERE i.is_new OR NOT EXISTS (
    SELECT 1 FROM package_library_interval l CROSS JOIN term t ON t.term_id = l.term_id
    WHERE l.package_id = i.package_id AND t.text = (SELECT n.text FROM term n WHERE n.term_id = b.term_id)
      AND l.valid_from <= i.valid_from AND (l.valid_to IS NULL OR l.valid_to > i.valid_from))
ON CONFLICT DO NOTHING;

-- Lineage: a bare parent name is looked up among all names and may match no package. Parents that the registry resolved are
-- packages.
UPDATE incoming_parent SET parent_id = (
    SELECT p.package_id FROM alias a JOIN package p ON p.package_id = a.package_id
    WHERE a.package_id IN (
        SELECT n.package_id FROM package n WHERE n.name_hash = incoming_parent.name_hash AND n.name = incoming_parent.name
        UNION ALL SELECT n.package_id FROM name_history n WHERE n.name = incoming_parent.name)
      AND a.name = incoming_parent.name AND +p.registry_id = :registry ORDER BY a.valid_from DESC LIMIT 1)
WHERE key IS NULL;

INSERT INTO package (registry_id, key, name, name_hash, first_seen_at, seen_at)
SELECT :registry, q.key, q.name, q.name_hash, :at, :at FROM incoming_parent q
WHERE q.key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM package p WHERE p.registry_id = :registry AND p.key = q.key)
ORDER BY q.position, q.name
ON CONFLICT (registry_id, key) DO NOTHING;

UPDATE incoming_parent SET parent_id =
    (SELECT p.package_id FROM package p WHERE p.registry_id = :registry AND p.key = incoming_parent.key)
WHERE key IS NOT NULL;

UPDATE incoming_parent SET parent = coalesce(parent_id, 'name:' || name);

UPDATE edge SET valid_to = i.valid_from
FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE edge.child_id = i.package_id AND NOT i.is_new AND i.lineage AND edge.valid_to IS NULL AND edge.valid_from < i.valid_from
  AND p.seen_at = :at AND NOT EXISTS (
    SELECT 1 FROM incoming_parent q WHERE q.position = i.position AND q.code = edge.relation AND q.parent = edge.parent);

INSERT INTO quality_event (registry_id, snapshot_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT :registry, :snapshot, i.package_id, 'self_loop', 'note', NULL, q.relation, 'the package names itself as its parent', :at
FROM incoming i JOIN incoming_parent q ON q.position = i.position AND q.parent_id = i.package_id
WHERE NOT EXISTS (SELECT 1 FROM edge e WHERE e.child_id = i.package_id AND e.parent = e.child_id);

-- The names that edges of the same time have already. A table, because a look at every edge for each parent would take the
-- square of the number of parents.
INSERT OR IGNORE INTO stated_parent (position, code, name)
SELECT i.position, e.relation,
       coalesce(nullif(e.parent_name, ''), (SELECT r.name FROM package r WHERE r.package_id = e.parent), substr(e.parent, 6))
FROM incoming i CROSS JOIN edge e ON e.child_id = i.package_id AND e.valid_from = i.valid_from
WHERE EXISTS (SELECT 1 FROM incoming_parent q WHERE q.position = i.position);

INSERT INTO edge (child_id, parent, relation, valid_from, valid_to, parent_name)
SELECT i.package_id, q.parent, q.code, i.valid_from,
       CASE WHEN p.seen_at > :at THEN p.seen_at - p.first_seen_at END,
       CASE WHEN q.parent_id IS NULL OR q.name = (SELECT r.name FROM package r WHERE r.package_id = q.parent_id) THEN ''
            ELSE q.name END
FROM incoming i CROSS JOIN incoming_parent q ON q.position = i.position CROSS JOIN package p ON p.package_id = i.package_id
WHERE NOT EXISTS (
    SELECT 1 FROM edge e WHERE e.child_id = i.package_id AND e.parent = q.parent AND e.relation = q.code
       AND (e.valid_from = i.valid_from
            OR e.valid_from < i.valid_from AND (e.valid_to IS NULL OR e.valid_to > i.valid_from)))
  AND NOT EXISTS (
    SELECT 1 FROM stated_parent s WHERE s.position = i.position AND s.code = q.code AND s.name = q.name)
ON CONFLICT DO NOTHING;
