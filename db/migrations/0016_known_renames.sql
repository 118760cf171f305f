-- A package that moved to an owner (db/renames.toml) was two packages in lists that have only names. They become one, which has
-- both names in turn. Every row of an ended snapshot keeps its rank, its counters and the name that was served.

CREATE TEMP TABLE former AS               -- the packages that are known by a former name
SELECT p.package_id, p.registry_id, p.name, p.first_seen_at, current_name(r.name, p.name) AS newer_name
FROM package p JOIN registry r ON r.registry_id = p.registry_id
WHERE p.key = 'name:' || p.name AND current_name(r.name, p.name) <> p.name;

CREATE TEMP TABLE move AS                 -- a package with a former name, and the package with the current name
SELECT f.package_id AS former_id, f.name AS former_name, f.first_seen_at AS former_first_seen_at,
       n.package_id, n.first_seen_at
FROM former f JOIN package n ON n.package_id = (
    SELECT c.package_id FROM package c
    WHERE c.registry_id = f.registry_id AND c.name_hash = short_hash(f.newer_name) AND c.name = f.newer_name
      AND (c.key = 'name:' || f.newer_name OR c.created_at <= 1646263744 OR c.created_at <= f.first_seen_at)
    ORDER BY c.stable_id LIKE 'name:%' LIMIT 1)
-- Two names in lists of one instant are two packages.
WHERE NOT EXISTS (
    SELECT 1 FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id
    JOIN ranking l ON l.package_id = n.package_id JOIN snapshot t ON t.snapshot_id = l.snapshot_id
    WHERE k.package_id = f.package_id AND t.taken_at = s.taken_at);

CREATE TEMP TABLE served_name AS          -- every name of both, at each instant at which a list or an interval has it
SELECT m.package_id, a.valid_from AS at, a.name FROM move m JOIN alias a ON a.package_id IN (m.package_id, m.former_id)
UNION
SELECT m.package_id, s.taken_at, (
    SELECT a.name FROM alias a WHERE a.package_id = k.package_id AND a.valid_from <= s.taken_at
    ORDER BY a.valid_from DESC LIMIT 1)
FROM move m JOIN ranking k ON k.package_id IN (m.package_id, m.former_id) JOIN snapshot s ON s.snapshot_id = k.snapshot_id;

DELETE FROM name_history WHERE package_id IN (SELECT package_id FROM move UNION SELECT former_id FROM move);
INSERT INTO name_history (package_id, name, valid_from, valid_to)
SELECT c.package_id, c.name, c.at - p.first_seen_at, lead(c.at) OVER (PARTITION BY c.package_id ORDER BY c.at) - p.first_seen_at
FROM (SELECT package_id, at, name, lag(name) OVER (PARTITION BY package_id ORDER BY at) AS name_before FROM served_name) c
JOIN package p ON p.package_id = c.package_id
WHERE c.name IS NOT c.name_before;

DROP TRIGGER ranking_changed;
UPDATE ranking SET package_id = m.package_id FROM move m WHERE ranking.package_id = m.former_id;
CREATE TRIGGER ranking_changed BEFORE UPDATE ON ranking
WHEN EXISTS (SELECT 1 FROM snapshot WHERE snapshot_id IN (OLD.snapshot_id, NEW.snapshot_id) AND status <> 'open')
BEGIN SELECT RAISE(ABORT, 'observations of an ended snapshot cannot be changed; take a new snapshot'); END;
UPDATE package SET is_listed = 1 WHERE package_id IN (SELECT k.package_id FROM move m JOIN ranking k USING (package_id));

INSERT INTO top_k_membership (registry_id, ordered_by, counter, k, package_id, first_at, last_at)
SELECT t.registry_id, t.ordered_by, t.counter, t.k, m.package_id, t.first_at, t.last_at
FROM move m JOIN top_k_membership t ON t.package_id = m.former_id WHERE true
ON CONFLICT (registry_id, ordered_by, counter, k, package_id)
DO UPDATE SET first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);
DELETE FROM top_k_membership WHERE package_id IN (SELECT former_id FROM move);

-- What was observed under the former name holds until the package was seen under the current name.
INSERT OR IGNORE INTO package_attribute (package_id, term_id, valid_from, valid_to)
SELECT m.package_id, a.term_id, a.valid_from + m.former_first_seen_at - m.first_seen_at,
       min(0, coalesce(a.valid_to + m.former_first_seen_at - m.first_seen_at, 0))
FROM move m JOIN package_attribute a ON a.package_id = m.former_id
WHERE a.valid_from + m.former_first_seen_at < m.first_seen_at;
INSERT OR IGNORE INTO package_library_interval (package_id, term_id, valid_from, valid_to)
SELECT m.package_id, l.term_id, l.valid_from + m.former_first_seen_at - m.first_seen_at,
       min(0, coalesce(l.valid_to + m.former_first_seen_at - m.first_seen_at, 0))
FROM move m JOIN package_library_interval l ON l.package_id = m.former_id
WHERE l.valid_from + m.former_first_seen_at < m.first_seen_at;
INSERT OR IGNORE INTO edge (child_id, parent, relation, valid_from, valid_to, parent_name)
SELECT m.package_id, e.parent, e.relation, e.valid_from + m.former_first_seen_at - m.first_seen_at,
       min(0, coalesce(e.valid_to + m.former_first_seen_at - m.first_seen_at, 0)), e.parent_name
FROM move m JOIN edge e ON e.child_id = m.former_id
WHERE e.valid_from + m.former_first_seen_at < m.first_seen_at;
DELETE FROM package_attribute WHERE package_id IN (SELECT former_id FROM move);
DELETE FROM package_library_interval WHERE package_id IN (SELECT former_id FROM move);
DELETE FROM edge WHERE child_id IN (SELECT former_id FROM move);

UPDATE edge SET parent = m.package_id, parent_name = coalesce(nullif(edge.parent_name, ''), m.former_name)
FROM move m WHERE edge.parent = m.former_id;
UPDATE card_revision SET valid_to = (
    SELECT min(v.valid_from) FROM move m JOIN card_revision v ON v.package_id = m.package_id
    WHERE m.former_id = card_revision.package_id AND v.valid_from > card_revision.valid_from)
WHERE valid_to IS NULL AND package_id IN (SELECT former_id FROM move);
UPDATE OR IGNORE card_revision SET package_id = m.package_id FROM move m WHERE card_revision.package_id = m.former_id;
DELETE FROM card_revision WHERE package_id IN (SELECT former_id FROM move);
UPDATE quality_event SET package_id = m.package_id FROM move m WHERE quality_event.package_id = m.former_id;
DELETE FROM missing_package WHERE package_id IN (SELECT former_id FROM move);

-- A list that was imported last may have the former name. The newest values are those of the newest list.
UPDATE package SET name = o.name, name_hash = o.name_hash, seen_at = o.seen_at,
    downloads = coalesce(o.downloads, package.downloads), likes = coalesce(o.likes, package.likes)
FROM move m JOIN package o ON o.package_id = m.former_id
WHERE package.package_id = m.package_id AND o.seen_at > package.seen_at;

DELETE FROM result WHERE snapshot_id IN (
    SELECT s.snapshot_id FROM move m JOIN package p ON p.package_id = m.package_id
    JOIN snapshot s ON s.registry_id = p.registry_id);
DELETE FROM package WHERE package_id IN (SELECT former_id FROM move);

-- The other packages with a former name wait for the current name under their new placeholder.
UPDATE package SET key = 'name:' || (SELECT current_name(r.name, package.name) FROM registry r
                                     WHERE r.registry_id = package.registry_id)
WHERE key = 'name:' || name AND NOT EXISTS (
    SELECT 1 FROM package n JOIN registry r ON r.registry_id = n.registry_id
    WHERE n.registry_id = package.registry_id AND n.key = 'name:' || current_name(r.name, package.name));

DROP TABLE served_name;
DROP TABLE move;
DROP TABLE former;
