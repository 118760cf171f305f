-- Who the rows of a page are, what they are called now, and what is newly known of them.
-- CROSS JOIN keeps the order: from the few rows of the page to the many that are stored.
-- :at is the instant of the snapshot. 1646263744 is 2022-03-02T23:29:04Z: the Hub gives it to everything older.

-- A row that has only a name is the package that had this name then, if one is known to have existed.
UPDATE incoming SET stable_id = coalesce((
    SELECT p.stable_id FROM alias a JOIN package p ON p.package_id = a.package_id
    WHERE a.name = incoming.name AND p.registry_id = :registry AND p.stable_id NOT LIKE 'name:%'
      AND (p.created_at <= :at OR p.created_at <= 1646263744)
    ORDER BY a.since <= :at AND (a.until IS NULL OR a.until > :at) DESC,
             CASE WHEN a.since <= :at THEN -a.since ELSE a.since END LIMIT 1), stable_id)
WHERE stable_id LIKE 'name:%';

-- A package known by its name alone is now seen with its stable id, and was there when it was first listed.
UPDATE package SET stable_id = i.stable_id FROM incoming i
WHERE package.registry_id = :registry AND package.stable_id = 'name:' || i.name AND i.stable_id NOT LIKE 'name:%'
  AND (i.created_at <= 1646263744
       OR i.created_at <= (SELECT min(a.since) FROM alias a WHERE a.package_id = package.package_id))
  AND NOT EXISTS (SELECT 1 FROM package p WHERE p.registry_id = :registry AND p.stable_id = i.stable_id);

INSERT INTO package (registry_id, stable_id, name, created_at, seen_at)
SELECT :registry, stable_id, name, created_at, :at FROM incoming WHERE stable_id IS NOT NULL ORDER BY position
ON CONFLICT (registry_id, stable_id) DO NOTHING;

UPDATE incoming SET package_id =
    (SELECT p.package_id FROM package p WHERE p.registry_id = :registry AND p.stable_id = incoming.stable_id);

-- The last complete census has seen every package that it left a fingerprint of.
UPDATE package SET seen_at = c.at FROM incoming i, (
    SELECT max(s.taken_at) AS at FROM census JOIN snapshot s ON s.snapshot_id = census.snapshot_id
    WHERE s.registry_id = :registry AND s.status = 'complete') c
WHERE package.package_id = i.package_id AND package.fingerprint IS NOT NULL AND package.seen_at < c.at;

INSERT INTO quality_event (registry_id, snapshot_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT :registry, :snapshot, p.package_id, 'renamed', 'note', p.name, i.name, 'same stable id, another name', :at
FROM incoming i JOIN package p ON p.package_id = i.package_id WHERE p.name <> i.name AND :at > p.seen_at;

-- Another name ends here. Where an older list comes after a newer one, the rest of the interval begins at the next
-- snapshot that has the package.
INSERT INTO alias (package_id, name, since, until)
SELECT a.package_id, a.name, min(s.taken_at), a.until FROM incoming i
CROSS JOIN alias a ON a.package_id = i.package_id AND a.name <> i.name AND a.since < :at AND (a.until IS NULL OR a.until > :at)
CROSS JOIN ranking k ON k.package_id = a.package_id CROSS JOIN snapshot s ON s.snapshot_id = k.snapshot_id
WHERE s.taken_at > :at AND (a.until IS NULL OR s.taken_at < a.until) GROUP BY a.package_id, a.name, a.until
ON CONFLICT DO NOTHING;

UPDATE alias SET until = :at FROM incoming i WHERE alias.package_id = i.package_id AND alias.name <> i.name
  AND alias.since < :at AND (alias.until IS NULL OR alias.until > :at);

INSERT INTO alias (package_id, name, since, until)
SELECT i.package_id, i.name, :at,
       (SELECT min(a.since) FROM alias a WHERE a.package_id = i.package_id AND a.since > :at)
FROM incoming i WHERE i.package_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM alias a WHERE a.package_id = i.package_id AND a.since <= :at AND (a.until IS NULL OR a.until > :at))
ON CONFLICT DO NOTHING;

UPDATE package SET
    name = i.name, seen_at = :at,
    fingerprint = CASE WHEN package.fingerprint IS NOT NULL THEN 0 END,  -- the next census looks at it anew
    created_at = coalesce(i.created_at, package.created_at),
    modified_at = coalesce(i.modified_at, package.modified_at),
    sha = coalesce(i.sha, package.sha),
    downloads = coalesce(i.downloads, package.downloads),
    likes = coalesce(i.likes, package.likes),
    downloads_all_time = coalesce(i.downloads_all_time, package.downloads_all_time),
    trending = coalesce(i.trending, package.trending),
    dependents = coalesce(i.dependents, package.dependents),
    dependent_repos = coalesce(i.dependent_repos, package.dependent_repos)
FROM incoming i WHERE package.package_id = i.package_id AND :at >= package.seen_at;

-- Attributes: close what has changed (only the newest snapshot may say so), then open what is not covered.
UPDATE attribute SET until = :at
FROM incoming i JOIN incoming_attribute v ON v.position = i.position JOIN package p ON p.package_id = i.package_id
WHERE attribute.package_id = i.package_id AND attribute.name = v.name AND attribute.until IS NULL
  AND attribute.since < :at AND p.seen_at = :at AND attribute.value IS NOT v.value;

INSERT INTO attribute (package_id, name, value, since, until)
SELECT i.package_id, v.name, v.value, :at,
       (SELECT min(a.since) FROM attribute a WHERE a.package_id = i.package_id AND a.name = v.name AND a.since > :at)
FROM incoming i JOIN incoming_attribute v ON v.position = i.position
WHERE v.value IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM attribute a WHERE a.package_id = i.package_id AND a.name = v.name
       AND a.since <= :at AND (a.until IS NULL OR a.until > :at))
ON CONFLICT DO NOTHING;

-- Libraries: a set; each is there from one instant to another.
UPDATE package_library SET until = :at
FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE package_library.package_id = i.package_id AND i.libraries AND package_library.until IS NULL
  AND package_library.since < :at AND p.seen_at = :at AND NOT EXISTS (
    SELECT 1 FROM incoming_library b WHERE b.position = i.position AND b.library = package_library.library);

INSERT INTO package_library (package_id, library, kind, since, until)
SELECT i.package_id, b.library, b.kind, :at, CASE WHEN p.seen_at > :at THEN p.seen_at END
FROM incoming i JOIN incoming_library b ON b.position = i.position JOIN package p ON p.package_id = i.package_id
WHERE NOT EXISTS (
    SELECT 1 FROM package_library l WHERE l.package_id = i.package_id AND l.library = b.library
       AND l.since <= :at AND (l.until IS NULL OR l.until > :at))
ON CONFLICT DO NOTHING;

-- Lineage: parents the registry resolved are packages; a bare name is looked up among the aliases, and may dangle.
INSERT INTO package (registry_id, stable_id, name, seen_at)
SELECT DISTINCT :registry, stable_id, name, :at FROM incoming_parent WHERE stable_id IS NOT NULL
ON CONFLICT (registry_id, stable_id) DO NOTHING;

UPDATE incoming_parent SET parent_id = CASE WHEN stable_id IS NOT NULL
    THEN (SELECT p.package_id FROM package p WHERE p.registry_id = :registry AND p.stable_id = incoming_parent.stable_id)
    ELSE (SELECT p.package_id FROM alias a JOIN package p ON p.package_id = a.package_id
          WHERE a.name = incoming_parent.name AND p.registry_id = :registry ORDER BY a.since DESC LIMIT 1) END;

INSERT INTO alias (package_id, name, since)
SELECT q.parent_id, min(q.name), :at FROM incoming_parent q
WHERE q.parent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.package_id = q.parent_id) GROUP BY q.parent_id;

UPDATE lineage_edge SET until = :at
FROM incoming i CROSS JOIN package p ON p.package_id = i.package_id
WHERE lineage_edge.child_id = i.package_id AND i.lineage AND lineage_edge.until IS NULL AND lineage_edge.since < :at
  AND p.seen_at = :at AND NOT EXISTS (
    SELECT 1 FROM incoming_parent q WHERE q.position = i.position AND q.relation = lineage_edge.relation
       AND CASE WHEN q.parent_id IS NULL OR lineage_edge.parent_id IS NULL
           THEN q.parent_id IS lineage_edge.parent_id AND q.name = lineage_edge.parent_name
           ELSE q.parent_id = lineage_edge.parent_id END);

INSERT INTO quality_event (registry_id, snapshot_id, package_id, kind, severity, before, after, evidence, noted_at)
SELECT :registry, :snapshot, i.package_id, 'self_loop', 'note', NULL, q.relation, 'says it was made from itself', :at
FROM incoming i JOIN incoming_parent q ON q.position = i.position AND q.parent_id = i.package_id
WHERE NOT EXISTS (SELECT 1 FROM lineage_edge e WHERE e.child_id = i.package_id AND e.parent_id = e.child_id);

INSERT INTO lineage_edge (child_id, parent_id, parent_name, relation, since, until)
SELECT i.package_id, q.parent_id, q.name, q.relation, :at, CASE WHEN p.seen_at > :at THEN p.seen_at END
FROM incoming i JOIN incoming_parent q ON q.position = i.position JOIN package p ON p.package_id = i.package_id
WHERE NOT EXISTS (
    SELECT 1 FROM lineage_edge e WHERE e.child_id = i.package_id AND e.relation = q.relation
       AND CASE WHEN q.parent_id IS NULL OR e.parent_id IS NULL
           THEN q.parent_id IS e.parent_id AND q.name = e.parent_name ELSE q.parent_id = e.parent_id END
       AND e.since <= :at AND (e.until IS NULL OR e.until > :at))
ON CONFLICT DO NOTHING;
