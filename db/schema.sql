-- The current schema, for reading. It is generated from db/migrations/ by this command. Do not edit it:
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

CREATE INDEX membership_first ON membership (registry_id, ordered_by, counter, k, first_at);

CREATE INDEX snapshot_taken ON snapshot (registry_id, ordered_by, taken_at);

CREATE TABLE census (                     -- what a census holds beside its pages
    snapshot_id INTEGER PRIMARY KEY REFERENCES snapshot,
    packages    INTEGER NOT NULL,
    arrivals    INTEGER NOT NULL,         -- of these, not in the census before it
    departures  INTEGER NOT NULL          -- in the census before it, and not in this
) STRICT;

CREATE TABLE census_page (                -- the counters of a census that is still open; gone when it ends
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    number      INTEGER NOT NULL,
    last_id     TEXT NOT NULL,            -- the largest stable id so far
    fields      TEXT NOT NULL,            -- JSON: how many rows had each field
    content     BLOB NOT NULL,
    PRIMARY KEY (snapshot_id, number)
) STRICT;

CREATE TABLE observation_block (          -- the counters of 65,536 packages, or how they differ from the block before it
    block_id    INTEGER PRIMARY KEY,
    registry_id INTEGER NOT NULL REFERENCES registry,
    number      INTEGER NOT NULL,         -- package_id >> 16
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    codec       INTEGER NOT NULL,
    whole       INTEGER NOT NULL CHECK (whole IN (0, 1)),
    content     BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX observation_block_chain ON observation_block (registry_id, number, snapshot_id, whole);

CREATE TRIGGER census_page_added BEFORE INSERT ON census_page
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and takes no more pages'); END;

CREATE TRIGGER census_added BEFORE INSERT ON census
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and is never changed'); END;

CREATE TRIGGER census_changed BEFORE UPDATE ON census
BEGIN SELECT RAISE(ABORT, 'a census is never changed'); END;

CREATE TRIGGER census_removed BEFORE DELETE ON census
BEGIN SELECT RAISE(ABORT, 'censuses are kept'); END;

CREATE TRIGGER observation_block_added BEFORE INSERT ON observation_block
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and takes no more observations'); END;

CREATE TRIGGER observation_block_changed BEFORE UPDATE ON observation_block
BEGIN SELECT RAISE(ABORT, 'observations of a census are never changed'); END;

CREATE TRIGGER observation_block_removed BEFORE DELETE ON observation_block
BEGIN SELECT RAISE(ABORT, 'observations are kept'); END;

CREATE TABLE look (
    look_id     INTEGER PRIMARY KEY,
    registry_id INTEGER NOT NULL REFERENCES registry,
    source      TEXT NOT NULL,            -- the endpoint asked
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    status      TEXT NOT NULL DEFAULT 'open'
                CHECK (status IN ('open', 'caught up', 'bounded', 'stopped', 'failed')),
    reason      TEXT,
    CHECK ((status = 'open') = (ended_at IS NULL))
) STRICT;

CREATE TABLE look_page (
    look_id    INTEGER NOT NULL REFERENCES look,
    number     INTEGER NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('probe', 'modified', 'created', 'absent')),
    url        TEXT NOT NULL,
    fetched_at INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    sha256     TEXT NOT NULL,             -- of the body as it was received
    headers    TEXT NOT NULL,             -- JSON: the few headers that date an answer and state the quota
    received   INTEGER NOT NULL,          -- rows in the body …
    new        INTEGER NOT NULL,          -- … of these, packages that were not known,
    edited     INTEGER NOT NULL,          -- known with another sha or instant of modification,
    known      INTEGER NOT NULL,          -- known as they are: the overlap,
    duplicates INTEGER NOT NULL,          -- seen before on this page or in this order of this look,
    rejected   INTEGER NOT NULL,          -- refused
    next_url   TEXT,
    PRIMARY KEY (look_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed (                       -- how far each order of a registry is known
    registry_id INTEGER NOT NULL REFERENCES registry,
    "order"     TEXT NOT NULL CHECK ("order" IN ('modified', 'created')),
    mark        INTEGER,                  -- everything up to this instant has been seen
    ceiling     INTEGER,                  -- where an unfinished way down to the mark began …
    continue_at TEXT,                     -- … and where it goes on
    look_id     INTEGER NOT NULL REFERENCES look,
    PRIMARY KEY (registry_id, "order"),
    CHECK ((ceiling IS NULL) = (continue_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE absence (                    -- a package that was in one census and not in a later one
    package_id  INTEGER NOT NULL REFERENCES package,
    missed_at   INTEGER NOT NULL,         -- the instant of the first census without it
    last_seen   INTEGER NOT NULL,         -- the instant of the last census with it
    name        TEXT NOT NULL,            -- the name it is asked for by
    state       TEXT NOT NULL CHECK (state IN ('unknown', 'deleted', 'renamed', 'recreated', 'replaced', 'gated',
                                               'disabled', 'unlisted', 'returned')),
    probes      INTEGER NOT NULL DEFAULT 0,   -- how often it was not there when it was asked for
    first_probe INTEGER,
    last_probe  INTEGER,
    successor   TEXT,                     -- its new name, or the stable id of what has its place
    decided_at  INTEGER,
    PRIMARY KEY (package_id, missed_at),
    CHECK ((state = 'unknown') = (decided_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX absence_undecided ON absence (last_probe) WHERE state = 'unknown';

CREATE TRIGGER absence_decided BEFORE UPDATE ON absence WHEN OLD.state <> 'unknown'
BEGIN SELECT RAISE(ABORT, 'what became of this package has been decided'); END;

CREATE TRIGGER look_ended BEFORE UPDATE ON look WHEN OLD.status <> 'open'
BEGIN SELECT RAISE(ABORT, 'this look has ended'); END;

CREATE TRIGGER look_page_added BEFORE INSERT ON look_page
WHEN (SELECT status FROM look WHERE look_id = NEW.look_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this look has ended and takes no more pages'); END;

CREATE TRIGGER look_page_changed BEFORE UPDATE ON look_page
BEGIN SELECT RAISE(ABORT, 'pages are never changed'); END;

CREATE TABLE tick (
    tick_id    INTEGER PRIMARY KEY,       -- in the order in which they were written down
    schedule   TEXT NOT NULL,             -- the name of its file
    due_at     INTEGER NOT NULL,
    cause      TEXT NOT NULL CHECK (cause IN ('time', 'catch-up', 'then', 'person', 'clock')),
    outcome    TEXT NOT NULL
               CHECK (outcome IN ('known', 'queued', 'started', 'done', 'partial', 'failed', 'interrupted', 'gap')),
    reason     TEXT,                      -- why it is a gap, or did not end well
    command    TEXT,                      -- the line after `observatory`
    started_at INTEGER,
    ended_at   INTEGER,
    exit_code  INTEGER,
    attempts   INTEGER NOT NULL,
    said       TEXT,                      -- the last line the command told people
    UNIQUE (schedule, due_at),
    CHECK (outcome <> 'gap' OR reason IS NOT NULL)
) STRICT;

CREATE TRIGGER tick_kept BEFORE DELETE ON tick
BEGIN SELECT RAISE(ABORT, 'ticks are kept'); END;

CREATE TRIGGER tick_ended BEFORE UPDATE ON tick WHEN OLD.outcome IN ('known', 'done') AND NEW.outcome <> OLD.outcome
BEGIN SELECT RAISE(ABORT, 'this tick has its outcome'); END;

CREATE VIEW v1_tick AS
SELECT schedule, strftime('%Y-%m-%dT%H:%M:%SZ', due_at, 'unixepoch') AS due_at, outcome, reason, cause, command,
       strftime('%Y-%m-%dT%H:%M:%SZ', started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', ended_at, 'unixepoch') AS ended_at, exit_code, attempts
FROM tick WHERE outcome <> 'known';

CREATE TABLE card_dictionary (            -- what cards have in common, so that each is stored small
    dictionary_id INTEGER PRIMARY KEY,
    content       BLOB NOT NULL,
    cards         INTEGER NOT NULL,       -- how many it was trained on
    made_at       INTEGER NOT NULL
) STRICT;

CREATE TABLE card_collection (            -- one look at many cards: a crawl, or an imported file
    collection_id INTEGER PRIMARY KEY,
    registry_id   INTEGER NOT NULL REFERENCES registry,
    origin        TEXT NOT NULL CHECK (origin IN ('crawl', 'import')),
    source        TEXT NOT NULL,          -- the endpoint asked, or the file's name
    file_sha256   TEXT,
    taken_at      INTEGER NOT NULL,       -- the instant it shows
    started_at    INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX card_collection_file ON card_collection (registry_id, taken_at, file_sha256)
    WHERE file_sha256 IS NOT NULL;

CREATE TABLE card (
    card_id       INTEGER PRIMARY KEY,
    blob          TEXT NOT NULL UNIQUE CHECK (length(blob) = 40),  -- sha1 of the whole file as git has it
    size          INTEGER NOT NULL,       -- bytes of the whole file
    truncated     INTEGER NOT NULL CHECK (truncated IN (0, 1)),    -- only its beginning is kept
    redacted      INTEGER NOT NULL CHECK (redacted IN (0, 1)),     -- addresses of people were taken out
    front         TEXT NOT NULL CHECK (front IN ('none', 'read', 'refused', 'broken')),  -- its front matter
    dictionary_id INTEGER REFERENCES card_dictionary,
    content       BLOB NOT NULL           -- zstd
) STRICT;

CREATE TABLE card_field (                 -- which fields its front matter gives a value to
    card_id INTEGER NOT NULL REFERENCES card,
    field   TEXT NOT NULL,
    PRIMARY KEY (card_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE card_revision (              -- a package's card from one instant to another
    package_id    INTEGER NOT NULL REFERENCES package,
    since         INTEGER NOT NULL,
    until         INTEGER,
    state         TEXT NOT NULL CHECK (state IN ('card', 'none', 'gated', 'missing', 'huge', 'elsewhere')),
    card_id       INTEGER REFERENCES card,
    sha           TEXT,                   -- the commit it was first seen at
    looked_sha    TEXT,                   -- the newest commit that was looked at, and still had it
    looked_at     INTEGER NOT NULL,       -- the instant of that commit
    fetched_at    INTEGER NOT NULL,
    collection_id INTEGER NOT NULL REFERENCES card_collection,
    note          TEXT NOT NULL,
    PRIMARY KEY (package_id, since),
    CHECK ((state = 'card') = (card_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX card_revision_card ON card_revision (card_id);

CREATE TABLE score (                      -- one reading of one question in one card
    card_id        INTEGER NOT NULL REFERENCES card,
    scorer         TEXT NOT NULL,         -- rules, openai
    version        TEXT NOT NULL,         -- of the rules; or prompt, its hash and the model
    item           TEXT NOT NULL
                   CHECK (item IN ('description', 'limitations', 'how_to_use', 'training', 'evaluation')),
    state          TEXT NOT NULL CHECK (state IN ('yes', 'no', 'invalid', 'refused', 'over_budget', 'error')),
    agreement      REAL CHECK (agreement BETWEEN 0 AND 1),
    evidence_start INTEGER,               -- the passage, as characters of the text; never the text itself
    evidence_end   INTEGER,
    reason         TEXT NOT NULL,
    scored_at      INTEGER NOT NULL,
    PRIMARY KEY (card_id, scorer, version, item)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER card_kept BEFORE DELETE ON card
BEGIN SELECT RAISE(ABORT, 'cards are kept'); END;

CREATE TRIGGER card_same BEFORE UPDATE OF blob, size, truncated, redacted ON card
BEGIN SELECT RAISE(ABORT, 'a card is never changed; another text is another card'); END;

CREATE TRIGGER card_dictionary_kept BEFORE DELETE ON card_dictionary
BEGIN SELECT RAISE(ABORT, 'the cards cannot be read without it'); END;

CREATE TRIGGER card_dictionary_same BEFORE UPDATE ON card_dictionary
BEGIN SELECT RAISE(ABORT, 'the cards cannot be read without it'); END;

CREATE TABLE "package" (
    package_id         INTEGER PRIMARY KEY,
    registry_id        INTEGER NOT NULL REFERENCES registry,
    key                ANY NOT NULL,      -- the registry's own id; 24 hexadecimal digits as 12 bytes
    stable_id          TEXT GENERATED ALWAYS AS (CASE typeof(key) WHEN 'blob' THEN lower(hex(key)) ELSE key END) VIRTUAL,
                                          -- 'name:…' while only a name is known
    name               TEXT NOT NULL,     -- the newest
    name_hash          INTEGER NOT NULL,  -- what it is found by: see db/ids.py
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

CREATE TABLE naming (                     -- the names of a package that has not always had the present one
    package_id INTEGER NOT NULL REFERENCES package,
    name       TEXT NOT NULL,
    since      INTEGER NOT NULL,          -- seconds after package.known_at, as below
    until      INTEGER,                   -- NULL while it is the newest
    PRIMARY KEY (package_id, since)
) STRICT, WITHOUT ROWID;

CREATE INDEX naming_name ON naming (name);

CREATE TABLE word (                       -- a value of an attribute (its name is the kind), or a library and its kind
    word_id INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,
    text    TEXT NOT NULL,
    hash    INTEGER NOT NULL              -- of the text: what it is found by
) STRICT;

CREATE INDEX word_hash ON word (hash);

CREATE TABLE package_attribute (          -- library, task, licence, … from one instant to another
    package_id INTEGER NOT NULL REFERENCES package,
    word_id    INTEGER NOT NULL REFERENCES word,
    since      INTEGER NOT NULL,
    until      INTEGER,
    PRIMARY KEY (package_id, word_id, since)
) STRICT, WITHOUT ROWID;

CREATE TABLE package_use (                -- what it is used with, and what its files and logs are
    package_id INTEGER NOT NULL REFERENCES package,
    word_id    INTEGER NOT NULL REFERENCES word,
    since      INTEGER NOT NULL,
    until      INTEGER,
    PRIMARY KEY (package_id, word_id, since)
) STRICT, WITHOUT ROWID;

CREATE TABLE edge (                       -- child says it was made from parent
    child_id    INTEGER NOT NULL REFERENCES package,
    parent      ANY NOT NULL,             -- a package's number; 'name:…' while the name names nothing known
    relation    INTEGER NOT NULL CHECK (relation BETWEEN 0 AND 4),  -- finetune, adapter, merge, quantized, unstated
    since       INTEGER NOT NULL,
    until       INTEGER,
    parent_name TEXT NOT NULL,            -- what the child called it; '' for the name it has now
    PRIMARY KEY (child_id, parent, relation, since, parent_name)
) STRICT, WITHOUT ROWID;

CREATE INDEX edge_parent ON edge (parent);

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

CREATE TABLE redaction (
    kind  TEXT NOT NULL CHECK (kind IN ('package', 'name', 'author')),  -- a stable id, any name it ever had, all of an author's
    value TEXT NOT NULL CHECK (value <> ''),
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE redacted (                   -- every id and name that these are of, as far as they were seen
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE INDEX observation_block_half_way ON observation_block (registry_id, number, snapshot_id) WHERE codec = 3;

CREATE VIEW v1_snapshot AS
SELECT "snapshot", "registry", "kind", "k", "by", "counter", "date", "taken_at", "started_at", "ended_at", "status", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."reason", x.name)) THEN '[withheld]' ELSE b."reason" END AS "reason", "origin", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."source", x.name)) THEN '[withheld]' ELSE b."source" END AS "source", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."evidence", x.name)) THEN '[withheld]' ELSE b."evidence" END AS "evidence", "depth", "digest", "pages", "duplicates", "rejected"
FROM (
SELECT s.snapshot_id AS snapshot, r.name AS registry, s.kind, s.k, s.ordered_by AS "by", s.counter, s.date,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.taken_at, 'unixepoch') AS taken_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.ended_at, 'unixepoch') AS ended_at,
       s.status, s.reason, s.origin, s.source, s.evidence, s.depth, s.digest,
       (SELECT count(*) FROM page p WHERE p.snapshot_id = s.snapshot_id) AS pages,
       (SELECT coalesce(sum(p.duplicates), 0) FROM page p WHERE p.snapshot_id = s.snapshot_id) AS duplicates,
       (SELECT count(*) FROM reject x WHERE x.snapshot_id = s.snapshot_id) AS rejected
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id
) b;

CREATE VIEW v1_ranking AS
SELECT "registry", "snapshot", "date", "rank", "package", "name", "downloads", "likes", "downloads_all_time", "trending", "dependents", "dependent_repos", "synced_at", "by"
FROM (
SELECT r.name AS registry, s.snapshot_id AS snapshot, s.date, k.rank, p.stable_id AS package,
       (SELECT a.name FROM alias a WHERE a.package_id = k.package_id AND a.since <= s.taken_at
        ORDER BY a.since DESC LIMIT 1) AS name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos,
       strftime('%Y-%m-%dT%H:%M:%SZ', k.synced_at, 'unixepoch') AS synced_at, s.ordered_by AS "by"
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id AND s.status = 'complete'
JOIN registry r ON r.registry_id = s.registry_id JOIN package p ON p.package_id = k.package_id
) b
WHERE coalesce("package", '') NOT IN (SELECT name FROM redacted);

CREATE VIEW v1_look AS
SELECT "look", "registry", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."source", x.name)) THEN '[withheld]' ELSE b."source" END AS "source", "started_at", "ended_at", "status", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."reason", x.name)) THEN '[withheld]' ELSE b."reason" END AS "reason", "requests", "new", "edited", "duplicates"
FROM (
SELECT l.look_id AS look, r.name AS registry, l.source,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.ended_at, 'unixepoch') AS ended_at, l.status, l.reason,
       (SELECT count(*) FROM look_page p WHERE p.look_id = l.look_id) AS requests,
       (SELECT coalesce(sum(p.new), 0) FROM look_page p WHERE p.look_id = l.look_id) AS new,
       (SELECT coalesce(sum(p.edited), 0) FROM look_page p WHERE p.look_id = l.look_id) AS edited,
       (SELECT coalesce(sum(p.duplicates), 0) FROM look_page p WHERE p.look_id = l.look_id) AS duplicates
FROM look l JOIN registry r ON r.registry_id = l.registry_id
) b;

CREATE VIEW v1_absence AS
SELECT "registry", "package", "name", "last_seen", "missed_at", "state", "probes", "first_probe", "last_probe", "successor", "decided_at"
FROM (
SELECT r.name AS registry, p.stable_id AS package, a.name,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.last_seen, 'unixepoch') AS last_seen,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.missed_at, 'unixepoch') AS missed_at, a.state, a.probes,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.first_probe, 'unixepoch') AS first_probe,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.last_probe, 'unixepoch') AS last_probe, a.successor,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.decided_at, 'unixepoch') AS decided_at
FROM absence a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id
) b
WHERE coalesce("package", '') NOT IN (SELECT name FROM redacted)
  AND coalesce("successor", '') NOT IN (SELECT name FROM redacted);

CREATE VIEW v1_card AS
SELECT "registry", "package", "name", "state", "blob", "size", "truncated", "redacted", "front", "sha", "since", "until", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."note", x.name)) THEN '[withheld]' ELSE b."note" END AS "note"
FROM (
SELECT g.name AS registry, p.stable_id AS package, p.name, v.state, c.blob, c.size, c.truncated, c.redacted, c.front,
       v.sha, strftime('%Y-%m-%dT%H:%M:%SZ', v.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', v.until, 'unixepoch') AS until, v.note
FROM card_revision v JOIN package p ON p.package_id = v.package_id JOIN registry g ON g.registry_id = p.registry_id
LEFT JOIN card c ON c.card_id = v.card_id
) b
WHERE coalesce("package", '') NOT IN (SELECT name FROM redacted);

CREATE VIEW v1_score AS
SELECT "registry", "blob", "scorer", "version", "item", "state", "agreement", "evidence_start", "evidence_end", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."reason", x.name)) THEN '[withheld]' ELSE b."reason" END AS "reason", "scored_at"
FROM (
SELECT DISTINCT g.name AS registry, c.blob, s.scorer, s.version, s.item, s.state, s.agreement, s.evidence_start,
       s.evidence_end, s.reason, strftime('%Y-%m-%dT%H:%M:%SZ', s.scored_at, 'unixepoch') AS scored_at
FROM score s JOIN card c ON c.card_id = s.card_id JOIN card_revision v ON v.card_id = c.card_id
JOIN package p ON p.package_id = v.package_id JOIN registry g ON g.registry_id = p.registry_id
) b;

CREATE VIEW v1_alias AS
SELECT "registry", "package", "name", "created_at", "since", "until"
FROM (
SELECT r.name AS registry, p.stable_id AS package, a.name,
       strftime('%Y-%m-%dT%H:%M:%SZ', p.created_at, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.until, 'unixepoch') AS until
FROM alias a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id
) b
WHERE coalesce("package", '') NOT IN (SELECT name FROM redacted);

CREATE VIEW v1_attribute AS
SELECT "registry", "package", "attribute", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."value", x.name)) THEN '[withheld]' ELSE b."value" END AS "value", "since", "until"
FROM (
SELECT r.name AS registry, p.stable_id AS package, a.name AS attribute, a.value,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.until, 'unixepoch') AS until
FROM attribute a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id
) b
WHERE coalesce("package", '') NOT IN (SELECT name FROM redacted);

CREATE VIEW v1_library AS
SELECT "registry", "package", "library", "kind", "since", "until"
FROM (
SELECT r.name AS registry, p.stable_id AS package, l.library, l.kind,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.until, 'unixepoch') AS until
FROM package_library l JOIN package p ON p.package_id = l.package_id JOIN registry r ON r.registry_id = p.registry_id
) b
WHERE coalesce("package", '') NOT IN (SELECT name FROM redacted);

CREATE VIEW v1_lineage_edge AS
SELECT "registry", "child", "child_name", "parent", "parent_name", "relation", "since", "until"
FROM (
SELECT r.name AS registry, c.stable_id AS child,
       (SELECT a.name FROM alias a WHERE a.package_id = e.child_id AND a.since <= e.since
        ORDER BY a.since DESC LIMIT 1) AS child_name,
       p.stable_id AS parent, e.parent_name, e.relation,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.until, 'unixepoch') AS until
FROM lineage_edge e JOIN package c ON c.package_id = e.child_id JOIN registry r ON r.registry_id = c.registry_id
LEFT JOIN package p ON p.package_id = e.parent_id
) b
WHERE coalesce("child", '') NOT IN (SELECT name FROM redacted)
  AND coalesce("parent", '') NOT IN (SELECT name FROM redacted)
  AND coalesce("parent_name", '') NOT IN (SELECT name FROM redacted);

CREATE VIEW v1_result AS
SELECT "registry", "snapshot", "date", "metric", "version", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."name", x.name)) THEN '[withheld]' ELSE b."name" END AS "name", "k", "previous_snapshot", "value", "low", "high", "n", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."note", x.name)) THEN '[withheld]' ELSE b."note" END AS "note"
FROM (
SELECT r.name AS registry, t.snapshot_id AS snapshot, s.date, t.metric, t.version, t.name, t.k,
       t.previous_snapshot_id AS previous_snapshot, t.value, t.low, t.high, t.n, t.note
FROM result t JOIN snapshot s ON s.snapshot_id = t.snapshot_id JOIN registry r ON r.registry_id = s.registry_id
) b;

CREATE VIEW v1_quality_event AS
SELECT "registry", "snapshot", "date", "package", "kind", "severity", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."before", x.name)) THEN '[withheld]' ELSE b."before" END AS "before", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."after", x.name)) THEN '[withheld]' ELSE b."after" END AS "after", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."evidence", x.name)) THEN '[withheld]' ELSE b."evidence" END AS "evidence", "noted_at"
FROM (
SELECT r.name AS registry, e.snapshot_id AS snapshot, s.date, p.stable_id AS package, e.kind, e.severity, e.before,
       e.after, e.evidence, strftime('%Y-%m-%dT%H:%M:%SZ', e.noted_at, 'unixepoch') AS noted_at
FROM quality_event e JOIN registry r ON r.registry_id = e.registry_id
LEFT JOIN snapshot s ON s.snapshot_id = e.snapshot_id LEFT JOIN package p ON p.package_id = e.package_id
) b
WHERE coalesce("package", '') NOT IN (SELECT name FROM redacted);

CREATE VIEW v1_finding AS
SELECT "registry", "snapshot", "date", "gate", "outcome", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."measured", x.name)) THEN '[withheld]' ELSE b."measured" END AS "measured", "rule"
FROM (
SELECT r.name AS registry, f.snapshot_id AS snapshot, s.date, f.gate, f.outcome, f.measured, f.rule
FROM finding f JOIN snapshot s ON s.snapshot_id = f.snapshot_id JOIN registry r ON r.registry_id = s.registry_id
) b;

CREATE VIEW v1_reject AS
SELECT "registry", "snapshot", "date", CASE WHEN EXISTS (SELECT 1 FROM redacted x WHERE instr(b."reason", x.name)) THEN '[withheld]' ELSE b."reason" END AS "reason", "rejected"
FROM (
SELECT r.name AS registry, x.snapshot_id AS snapshot, s.date, x.reason, count(*) AS rejected
FROM reject x JOIN snapshot s ON s.snapshot_id = x.snapshot_id JOIN registry r ON r.registry_id = s.registry_id
GROUP BY r.name, x.snapshot_id, s.date, x.reason
) b;
