-- The same history in half the room. What was read from `alias`, `attribute`, `package_library` and `lineage_edge` is read
-- there still: they are views now. Instants of a package are kept as seconds after it was first written down, words once,
-- identifiers as bytes, and a name only where it is not the present one.

CREATE TABLE package_new (
    package_id         INTEGER PRIMARY KEY,
    registry_id        INTEGER NOT NULL REFERENCES registry,
    key                ANY NOT NULL,      -- the registry's own id; 24 hexadecimal digits as 12 bytes
    stable_id          TEXT GENERATED ALWAYS AS (CASE typeof(key) WHEN 'blob' THEN lower(hex(key)) ELSE key END) VIRTUAL,
                                          -- 'name:…' while only a name is known
    name               TEXT NOT NULL,     -- the newest
    name_hash          INTEGER NOT NULL,  -- what it is found by: see db/compact.py
    known_at           INTEGER NOT NULL,  -- the instant of the first snapshot that was written down with it
    created_at         INTEGER,
    modified_at        INTEGER,
    revision           ANY,               -- the newest commit; 40 hexadecimal digits as 20 bytes
    sha                TEXT GENERATED ALWAYS AS
                       (CASE typeof(revision) WHEN 'blob' THEN lower(hex(revision)) ELSE revision END) VIRTUAL,
    downloads          INTEGER,           -- the newest counters, for people who look at the present
    likes              INTEGER,
    downloads_all_time INTEGER,
    trending           REAL,
    dependents         INTEGER,
    dependent_repos    INTEGER,
    seen_at            INTEGER NOT NULL,  -- the instant of the newest snapshot that has it
    fingerprint        INTEGER            -- of what the last census said but for counters; NULL: not in it
) STRICT;
INSERT INTO package_new (package_id, registry_id, key, name, name_hash, known_at, created_at, modified_at, revision, downloads,
                         likes, downloads_all_time, trending, dependents, dependent_repos, seen_at, fingerprint)
SELECT p.package_id, p.registry_id, compact(p.stable_id), p.name, short_hash(p.name),
       coalesce((SELECT min(a.since) FROM alias a WHERE a.package_id = p.package_id), p.seen_at), p.created_at, p.modified_at,
       compact(p.sha), p.downloads, p.likes, p.downloads_all_time, p.trending, p.dependents, p.dependent_repos, p.seen_at,
       p.fingerprint
FROM package p ORDER BY p.package_id;

CREATE TABLE naming (                     -- the names of a package that has not always had the present one
    package_id INTEGER NOT NULL REFERENCES package,
    name       TEXT NOT NULL,
    since      INTEGER NOT NULL,          -- seconds after package.known_at, as below
    until      INTEGER,                   -- NULL while it is the newest
    PRIMARY KEY (package_id, since)
) STRICT, WITHOUT ROWID;
INSERT INTO naming (package_id, name, since, until)
SELECT a.package_id, a.name, a.since - p.known_at, a.until - p.known_at
FROM alias a JOIN package_new p ON p.package_id = a.package_id
WHERE a.name <> p.name OR a.until IS NOT NULL OR a.since <> p.known_at
   OR (SELECT count(*) FROM alias b WHERE b.package_id = a.package_id) > 1
ORDER BY a.package_id, a.since;
CREATE INDEX naming_name ON naming (name);

CREATE TABLE word (                       -- a value of an attribute (its name is the kind), or a library and its kind
    word_id INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,
    text    TEXT NOT NULL,
    hash    INTEGER NOT NULL              -- of the text: what it is found by
) STRICT;
INSERT INTO word (kind, text, hash)
SELECT kind, text, short_hash(text)
FROM (SELECT name AS kind, value AS text FROM attribute UNION SELECT kind, library FROM package_library);
CREATE INDEX word_hash ON word (hash);

CREATE TABLE package_attribute (          -- library, task, licence, … from one instant to another
    package_id INTEGER NOT NULL REFERENCES package,
    word_id    INTEGER NOT NULL REFERENCES word,
    since      INTEGER NOT NULL,
    until      INTEGER,
    PRIMARY KEY (package_id, word_id, since)
) STRICT, WITHOUT ROWID;
INSERT INTO package_attribute (package_id, word_id, since, until)
SELECT a.package_id, w.word_id, a.since - p.known_at, a.until - p.known_at
FROM attribute a CROSS JOIN package_new p ON p.package_id = a.package_id
CROSS JOIN word w ON w.hash = short_hash(a.value) AND w.kind = a.name AND w.text = a.value;

CREATE TABLE package_use (                -- what it is used with, and what its files and logs are
    package_id INTEGER NOT NULL REFERENCES package,
    word_id    INTEGER NOT NULL REFERENCES word,
    since      INTEGER NOT NULL,
    until      INTEGER,
    PRIMARY KEY (package_id, word_id, since)
) STRICT, WITHOUT ROWID;
INSERT INTO package_use (package_id, word_id, since, until)
SELECT l.package_id, w.word_id, l.since - p.known_at, l.until - p.known_at
FROM package_library l CROSS JOIN package_new p ON p.package_id = l.package_id
CROSS JOIN word w ON w.hash = short_hash(l.library) AND w.kind = l.kind AND w.text = l.library;

CREATE TABLE edge (                       -- child says it was made from parent
    child_id    INTEGER NOT NULL REFERENCES package,
    parent      ANY NOT NULL,             -- a package's number; 'name:…' while the name names nothing known
    relation    INTEGER NOT NULL CHECK (relation BETWEEN 0 AND 4),  -- finetune, adapter, merge, quantized, unstated
    since       INTEGER NOT NULL,
    until       INTEGER,
    parent_name TEXT NOT NULL,            -- what the child called it; '' for the name it has now
    PRIMARY KEY (child_id, parent, relation, since, parent_name)
) STRICT, WITHOUT ROWID;
INSERT INTO edge (child_id, parent, relation, since, until, parent_name)
SELECT e.child_id, coalesce(e.parent_id, 'name:' || e.parent_name),
       CASE e.relation WHEN 'finetune' THEN 0 WHEN 'adapter' THEN 1 WHEN 'merge' THEN 2 WHEN 'quantized' THEN 3 ELSE 4 END,
       e.since - c.known_at, e.until - c.known_at, CASE WHEN e.parent_name <> p.name THEN e.parent_name ELSE '' END
FROM lineage_edge e CROSS JOIN package_new c ON c.package_id = e.child_id
LEFT JOIN package_new p ON p.package_id = e.parent_id;
CREATE INDEX edge_parent ON edge (parent);

DROP TABLE alias;
DROP TABLE attribute;
DROP TABLE package_library;
DROP TABLE lineage_edge;
DROP TABLE package;
PRAGMA legacy_alter_table = ON;           -- the views name `package`, and mean the new one
ALTER TABLE package_new RENAME TO package;
PRAGMA legacy_alter_table = OFF;
CREATE UNIQUE INDEX package_key ON package (registry_id, key);
CREATE INDEX package_name_hash ON package (name_hash);

CREATE VIEW alias AS                      -- every name a package has been seen under
SELECT p.package_id, coalesce(n.name, p.name) AS name, p.known_at + coalesce(n.since, 0) AS since, p.known_at + n.until AS until
FROM package p LEFT JOIN naming n ON n.package_id = p.package_id;

CREATE VIEW attribute AS
SELECT a.package_id, w.kind AS name, w.text AS value, p.known_at + a.since AS since, p.known_at + a.until AS until
FROM package_attribute a CROSS JOIN word w ON w.word_id = a.word_id CROSS JOIN package p ON p.package_id = a.package_id;

CREATE VIEW package_library AS
SELECT u.package_id, w.text AS library, w.kind, p.known_at + u.since AS since, p.known_at + u.until AS until
FROM package_use u CROSS JOIN word w ON w.word_id = u.word_id CROSS JOIN package p ON p.package_id = u.package_id;

CREATE VIEW lineage_edge AS               -- parent_id is NULL while the name names nothing known
SELECT e.child_id, CASE typeof(e.parent) WHEN 'integer' THEN e.parent END AS parent_id,
       coalesce(nullif(e.parent_name, ''), p.name, substr(e.parent, 6)) AS parent_name,
       CASE e.relation WHEN 0 THEN 'finetune' WHEN 1 THEN 'adapter' WHEN 2 THEN 'merge' WHEN 3 THEN 'quantized'
                       ELSE 'unstated' END AS relation,
       c.known_at + e.since AS since, c.known_at + e.until AS until
FROM edge e CROSS JOIN package c ON c.package_id = e.child_id LEFT JOIN package p ON p.package_id = e.parent;
