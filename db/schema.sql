-- The schema as it stands, for reading. It is made from db/migrations/ by this command; do not edit it:
--     observatory store schema > db/schema.sql

CREATE TABLE registry (
    registry_id  INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,    -- what a person types: huggingface/models, npm
    service      TEXT NOT NULL CHECK (service IN ('huggingface', 'ecosystems')),
    service_name TEXT                     -- what the service calls it; looked up, then kept
) STRICT;

CREATE TABLE snapshot (
    snapshot_id INTEGER PRIMARY KEY,
    registry_id INTEGER NOT NULL REFERENCES registry,
    kind        TEXT NOT NULL CHECK (kind IN ('top', 'full')),
    ordered_by  TEXT NOT NULL CHECK (ordered_by IN ('downloads', 'likes', 'trending', 'dependents')),
    counter     TEXT NOT NULL,            -- what that number counts: last-30-days, last-month, total, …
    k           INTEGER CHECK (k > 0),    -- how many were asked for; NULL for a full one
    origin      TEXT NOT NULL CHECK (origin IN ('crawl', 'import')),
    source      TEXT NOT NULL,            -- the endpoint asked, or where a past list came from
    evidence    TEXT NOT NULL,            -- how its date is known
    settings    TEXT NOT NULL,            -- JSON: everything that was asked of the crawl
    file_sha256 TEXT,                     -- of an imported file
    taken_at    INTEGER NOT NULL,
    date        TEXT GENERATED ALWAYS AS (date(taken_at, 'unixepoch')) VIRTUAL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    status      TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'complete', 'partial', 'failed')),
    reason      TEXT,                     -- why it is partial or failed
    depth       INTEGER,                  -- how many ranks it holds
    value_after REAL,                     -- the counter just below the last rank, where it was seen
    digest      TEXT,                     -- sha256 of the ranking's rows, in order
    CHECK ((status = 'open') = (ended_at IS NULL)),
    CHECK ((kind = 'full') = (k IS NULL))
) STRICT;

CREATE INDEX snapshot_series ON snapshot (registry_id, ordered_by, counter, taken_at);

CREATE UNIQUE INDEX snapshot_file ON snapshot (registry_id, ordered_by, taken_at, file_sha256)
    WHERE file_sha256 IS NOT NULL AND status IN ('complete', 'partial');

CREATE TABLE page (
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    number      INTEGER NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('probe', 'ranking', 'counters', 'file')),
    url         TEXT NOT NULL,
    fetched_at  INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,            -- of the body as it was received
    headers     TEXT NOT NULL,            -- JSON: the few headers that date an answer and state the quota
    age         INTEGER,                  -- seconds it lay in a cache, where the answer says so
    skew        INTEGER,                  -- seconds by which our clock was ahead of the answer's Date
    received    INTEGER NOT NULL,         -- rows in the body …
    kept        INTEGER NOT NULL,         -- … of these, kept,
    duplicates  INTEGER NOT NULL,         -- seen before in this snapshot,
    rejected    INTEGER NOT NULL,         -- refused, each with its reason in reject,
    beyond      INTEGER NOT NULL,         -- below the last rank that was asked for
    inversions  INTEGER NOT NULL,         -- rows larger than the row before them
    next_url    TEXT,                     -- where to go on; NULL at the end
    PRIMARY KEY (snapshot_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE body (                       -- apart from page: bodies may be let go, provenance may not
    snapshot_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    form        TEXT NOT NULL CHECK (form IN ('redacted', 'reduced')),
    content     BLOB NOT NULL,            -- zstd; personal addresses were removed first
    PRIMARY KEY (snapshot_id, number),
    FOREIGN KEY (snapshot_id, number) REFERENCES page
) STRICT;

CREATE TABLE package (
    package_id         INTEGER PRIMARY KEY,
    registry_id        INTEGER NOT NULL REFERENCES registry,
    stable_id          TEXT NOT NULL,     -- the registry's own; 'name:…' while only a name is known
    name               TEXT NOT NULL,     -- the newest
    created_at         INTEGER,
    modified_at        INTEGER,
    sha                TEXT,
    downloads          INTEGER,           -- the newest counters, for people who look at the present
    likes              INTEGER,
    downloads_all_time INTEGER,
    trending           REAL,
    dependents         INTEGER,
    dependent_repos    INTEGER,
    seen_at            INTEGER NOT NULL,  -- the instant of the newest snapshot that has it
    UNIQUE (registry_id, stable_id)
) STRICT;

CREATE TABLE alias (                      -- every name a package has been seen under
    package_id INTEGER NOT NULL REFERENCES package,
    name       TEXT NOT NULL,
    since      INTEGER NOT NULL,
    until      INTEGER,                   -- NULL while it is the newest
    PRIMARY KEY (package_id, since)
) STRICT, WITHOUT ROWID;

CREATE INDEX alias_name ON alias (name);

CREATE TABLE ranking (                    -- the list as served
    snapshot_id        INTEGER NOT NULL REFERENCES snapshot,
    rank               INTEGER NOT NULL CHECK (rank > 0),
    package_id         INTEGER NOT NULL REFERENCES package,
    page               INTEGER NOT NULL,  -- the page its counters came from
    downloads          INTEGER CHECK (downloads >= 0),
    likes              INTEGER CHECK (likes >= 0),
    downloads_all_time INTEGER CHECK (downloads_all_time >= 0),
    trending           REAL,
    dependents         INTEGER CHECK (dependents >= 0),
    dependent_repos    INTEGER CHECK (dependent_repos >= 0),
    synced_at          INTEGER,           -- when the service last asked the registry
    PRIMARY KEY (snapshot_id, rank)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX ranking_package ON ranking (package_id, snapshot_id);

CREATE TABLE attribute (                  -- library, task, licence, … from one instant to another
    package_id INTEGER NOT NULL REFERENCES package,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    since      INTEGER NOT NULL,
    until      INTEGER,
    PRIMARY KEY (package_id, name, since)
) STRICT, WITHOUT ROWID;

CREATE TABLE lineage_edge (               -- child says it was made from parent
    child_id    INTEGER NOT NULL REFERENCES package,
    parent_id   INTEGER REFERENCES package,   -- NULL while the name names nothing known
    parent_name TEXT NOT NULL,
    relation    TEXT NOT NULL CHECK (relation IN ('finetune', 'adapter', 'merge', 'quantized', 'unstated')),
    since       INTEGER NOT NULL,
    until       INTEGER,
    PRIMARY KEY (child_id, parent_name, relation, since)
) STRICT, WITHOUT ROWID;

CREATE INDEX lineage_parent ON lineage_edge (parent_id);

CREATE TABLE finding (                    -- what the completeness gate found
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    gate        TEXT NOT NULL,
    outcome     TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'no baseline')),
    measured    TEXT NOT NULL,
    rule        TEXT NOT NULL,
    PRIMARY KEY (snapshot_id, gate)
) STRICT, WITHOUT ROWID;

CREATE TABLE presence (                   -- how often each field was there: what the next snapshot is held against
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    field       TEXT NOT NULL,
    share       REAL NOT NULL,
    PRIMARY KEY (snapshot_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE reject (                     -- rows that could not be read
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    page        INTEGER NOT NULL,
    position    INTEGER NOT NULL,         -- in the page, from 0
    reason      TEXT NOT NULL,
    raw         TEXT NOT NULL,            -- its beginning
    PRIMARY KEY (snapshot_id, page, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE quality_event (              -- what a reader of the numbers should know
    event_id    INTEGER PRIMARY KEY,
    registry_id INTEGER NOT NULL REFERENCES registry,
    snapshot_id INTEGER REFERENCES snapshot,
    package_id  INTEGER REFERENCES package,
    kind        TEXT NOT NULL,
    severity    TEXT NOT NULL CHECK (severity IN ('note', 'warning', 'error')),
    before      TEXT,
    after       TEXT,
    evidence    TEXT NOT NULL,
    noted_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX quality_event_snapshot ON quality_event (snapshot_id);

CREATE TABLE depth (k INTEGER PRIMARY KEY) STRICT;

CREATE TABLE membership (                 -- derived: when a package was first and last in a top K
    registry_id INTEGER NOT NULL,
    ordered_by  TEXT NOT NULL,
    counter     TEXT NOT NULL,
    k           INTEGER NOT NULL REFERENCES depth,
    package_id  INTEGER NOT NULL REFERENCES package,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (registry_id, ordered_by, counter, k, package_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE result (                     -- one number a metric gave for one snapshot
    snapshot_id          INTEGER NOT NULL REFERENCES snapshot,
    metric               TEXT NOT NULL,
    version              INTEGER NOT NULL,
    name                 TEXT NOT NULL,
    k                    INTEGER NOT NULL,   -- 0: of the whole snapshot
    previous_snapshot_id INTEGER REFERENCES snapshot,
    value                REAL,               -- NULL: undefined, and the note says why
    low                  REAL,
    high                 REAL,
    n                    INTEGER,
    note                 TEXT NOT NULL,
    computed_at          INTEGER NOT NULL,
    PRIMARY KEY (snapshot_id, metric, version, name, k)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER snapshot_begins_open BEFORE INSERT ON snapshot WHEN NEW.status <> 'open'
BEGIN SELECT RAISE(ABORT, 'a snapshot begins open'); END;

CREATE TRIGGER snapshot_begins_once BEFORE INSERT ON snapshot
WHEN EXISTS (SELECT 1 FROM snapshot s WHERE s.snapshot_id = NEW.snapshot_id)
BEGIN SELECT RAISE(ABORT, 'this snapshot is there already; a snapshot is never replaced'); END;

CREATE TRIGGER snapshot_ended BEFORE UPDATE ON snapshot WHEN OLD.status <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and is never changed; take a new one'); END;

CREATE TRIGGER snapshot_kept BEFORE DELETE ON snapshot
BEGIN SELECT RAISE(ABORT, 'snapshots are kept'); END;

CREATE TRIGGER snapshot_by_its_gate BEFORE UPDATE OF status ON snapshot WHEN NEW.status = 'complete'
BEGIN
    SELECT RAISE(ABORT, 'a snapshot is complete only when its gate has found nothing against it')
    WHERE NOT EXISTS (SELECT 1 FROM finding f WHERE f.snapshot_id = NEW.snapshot_id AND f.outcome = 'pass')
       OR EXISTS (SELECT 1 FROM finding f WHERE f.snapshot_id = NEW.snapshot_id AND f.outcome = 'fail');
END;

CREATE TRIGGER page_added BEFORE INSERT ON page
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and takes no more pages'); END;

CREATE TRIGGER page_changed BEFORE UPDATE ON page
BEGIN SELECT RAISE(ABORT, 'pages are never changed'); END;

CREATE TRIGGER page_removed BEFORE DELETE ON page
BEGIN SELECT RAISE(ABORT, 'pages are kept'); END;

CREATE TRIGGER ranking_added BEFORE INSERT ON ranking
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and takes no more rows'); END;

CREATE TRIGGER ranking_changed BEFORE UPDATE ON ranking
WHEN EXISTS (SELECT 1 FROM snapshot WHERE snapshot_id IN (OLD.snapshot_id, NEW.snapshot_id) AND status <> 'open')
BEGIN SELECT RAISE(ABORT, 'observations of an ended snapshot are never changed; take a new one'); END;

CREATE TRIGGER ranking_removed BEFORE DELETE ON ranking
BEGIN SELECT RAISE(ABORT, 'observations are kept'); END;

CREATE TRIGGER finding_added BEFORE INSERT ON finding
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended; its gate has spoken'); END;

CREATE TRIGGER finding_changed BEFORE UPDATE ON finding
BEGIN SELECT RAISE(ABORT, 'findings are never changed'); END;

CREATE TRIGGER finding_removed BEFORE DELETE ON finding
BEGIN SELECT RAISE(ABORT, 'findings are kept'); END;

CREATE TRIGGER reject_added BEFORE INSERT ON reject
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and takes no more rows'); END;

CREATE TRIGGER reject_changed BEFORE UPDATE ON reject
BEGIN SELECT RAISE(ABORT, 'rejects are never changed'); END;

CREATE TRIGGER reject_removed BEFORE DELETE ON reject
BEGIN SELECT RAISE(ABORT, 'rejects are kept'); END;

CREATE VIEW v1_snapshot AS
SELECT s.snapshot_id AS snapshot, r.name AS registry, s.kind, s.k, s.ordered_by AS "by", s.counter, s.date,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.taken_at, 'unixepoch') AS taken_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.ended_at, 'unixepoch') AS ended_at,
       s.status, s.reason, s.origin, s.source, s.evidence, s.depth, s.digest,
       (SELECT count(*) FROM page p WHERE p.snapshot_id = s.snapshot_id) AS pages,
       (SELECT coalesce(sum(p.duplicates), 0) FROM page p WHERE p.snapshot_id = s.snapshot_id) AS duplicates,
       (SELECT count(*) FROM reject x WHERE x.snapshot_id = s.snapshot_id) AS rejected
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id;

CREATE VIEW v1_ranking AS
SELECT r.name AS registry, s.snapshot_id AS snapshot, s.date, k.rank, p.stable_id AS package,
       (SELECT a.name FROM alias a WHERE a.package_id = k.package_id AND a.since <= s.taken_at
        ORDER BY a.since DESC LIMIT 1) AS name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos,
       strftime('%Y-%m-%dT%H:%M:%SZ', k.synced_at, 'unixepoch') AS synced_at, s.ordered_by AS "by"
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id AND s.status = 'complete'
JOIN registry r ON r.registry_id = s.registry_id JOIN package p ON p.package_id = k.package_id;

CREATE TABLE package_library (
    package_id INTEGER NOT NULL REFERENCES package,
    library    TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('library', 'format', 'tracker')),
    since      INTEGER NOT NULL,
    until      INTEGER,
    PRIMARY KEY (package_id, library, since)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_first ON membership (registry_id, ordered_by, counter, k, first_at);

CREATE INDEX snapshot_taken ON snapshot (registry_id, ordered_by, taken_at);
