-- The current schema, for reading. It is generated from db/migrations/ by this command. Do not edit it:
--     observatory store schema > db/schema.sql

CREATE TABLE registry (                           -- a registry that was crawled or imported
    registry_id  INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,            -- as typed on the command line: huggingface/models, npm
    service      TEXT NOT NULL,                   -- the service that serves the registry: huggingface, ecosystems
    service_name TEXT                             -- the service's own name for the registry, stored after the first lookup
) STRICT;

CREATE TABLE snapshot (                           -- one capture of a registry
    snapshot_id   INTEGER PRIMARY KEY,
    registry_id   INTEGER NOT NULL REFERENCES registry,
    kind          TEXT NOT NULL CHECK (kind IN ('top', 'full')),  -- top: the first k of a ranking; full: every package
    -- the counter that orders the ranking
    ordered_by    TEXT NOT NULL CHECK (ordered_by IN ('downloads', 'likes', 'trending', 'dependents')),
    counter       TEXT NOT NULL,                  -- what the ordering counter counts: last-30-days, last-month, total, …
    k             INTEGER CHECK (k > 0),          -- the number of requested ranks; NULL for a full snapshot
    origin        TEXT NOT NULL CHECK (origin IN ('crawl', 'import')),
    source        TEXT NOT NULL,                  -- the crawled endpoint, or the origin of a past list
    date_evidence TEXT NOT NULL,                  -- how the date is known
    settings      TEXT NOT NULL,                  -- JSON: every setting of the crawl
    file_sha256   TEXT,                           -- of an imported file
    taken_at      INTEGER NOT NULL,               -- the time that the snapshot represents
    date          TEXT GENERATED ALWAYS AS (date(taken_at, 'unixepoch')) VIRTUAL,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    status        TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'complete', 'partial', 'failed')),
    reason        TEXT,                           -- why the snapshot is partial or failed
    depth         INTEGER,                        -- the last rank
    next_value    REAL,                           -- the counter just below the last rank, if it was served
    digest        TEXT,                           -- sha256 of the rows, in order
    CHECK ((status = 'open') = (ended_at IS NULL)),
    CHECK ((kind = 'full') = (k IS NULL))
) STRICT;

CREATE INDEX snapshot_series ON snapshot (registry_id, ordered_by, counter, taken_at);

CREATE UNIQUE INDEX snapshot_file ON snapshot (registry_id, ordered_by, taken_at, file_sha256)
    WHERE file_sha256 IS NOT NULL AND status IN ('complete', 'partial');

CREATE INDEX snapshot_taken ON snapshot (registry_id, ordered_by, taken_at);

CREATE TRIGGER snapshot_begins_open BEFORE INSERT ON snapshot WHEN NEW.status <> 'open'
BEGIN SELECT RAISE(ABORT, 'a new snapshot must be open'); END;

CREATE TRIGGER snapshot_ended BEFORE UPDATE ON snapshot WHEN OLD.status <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and cannot be changed; take a new snapshot'); END;

CREATE TRIGGER snapshot_by_its_gate BEFORE UPDATE OF status ON snapshot WHEN NEW.status = 'complete'
BEGIN
    SELECT RAISE(ABORT, 'a snapshot is complete only if a rule of the gate passed and no rule failed')
    WHERE NOT EXISTS (SELECT 1 FROM gate_result g WHERE g.snapshot_id = NEW.snapshot_id AND g.outcome = 'pass')
       OR EXISTS (SELECT 1 FROM gate_result g WHERE g.snapshot_id = NEW.snapshot_id AND g.outcome = 'fail');
END;

CREATE TRIGGER snapshot_begins_once BEFORE INSERT ON snapshot
WHEN EXISTS (SELECT 1 FROM snapshot s WHERE s.snapshot_id = NEW.snapshot_id
             UNION ALL SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = NEW.snapshot_id)
BEGIN SELECT RAISE(ABORT, 'this snapshot exists already and cannot be replaced'); END;

CREATE TRIGGER snapshot_kept BEFORE DELETE ON snapshot
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'snapshots cannot be deleted'); END;

CREATE TABLE page (                               -- one response, with its provenance
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    number      INTEGER NOT NULL,                 -- from 0, in the order of the requests
    role        TEXT NOT NULL CHECK (role IN ('probe', 'ranking', 'counters', 'file')),
    url         TEXT NOT NULL,
    fetched_at  INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,                    -- of the body as received
    headers     TEXT NOT NULL,                    -- JSON: the headers with the date, the cache and the quota
    age         INTEGER,                          -- seconds in a cache, if the response states it
    skew        INTEGER,                          -- seconds by which the local clock was ahead of the Date header
    received    INTEGER NOT NULL,                 -- rows in the body, of which:
    kept        INTEGER NOT NULL,                 -- were stored
    duplicates  INTEGER NOT NULL,                 -- repeat a package of this snapshot
    rejected    INTEGER NOT NULL,                 -- could not be read; the reasons are in reject
    beyond      INTEGER NOT NULL,                 -- are below the last requested rank
    inversions  INTEGER NOT NULL,                 -- have a larger counter than the row before
    next_url    TEXT,                             -- NULL on the last page
    hidden      INTEGER NOT NULL DEFAULT 0,       -- are not public, and were dropped
    PRIMARY KEY (snapshot_id, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER page_added BEFORE INSERT ON page
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more pages'); END;

CREATE TRIGGER page_changed BEFORE UPDATE ON page
BEGIN SELECT RAISE(ABORT, 'pages cannot be changed'); END;

CREATE TRIGGER page_removed BEFORE DELETE ON page
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'pages cannot be deleted'); END;

CREATE TABLE body (
    -- bodies of pages, apart from page: bodies can be deleted, provenance cannot
    snapshot_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    -- redacted: personal addresses were removed; reduced: only the fields that are read
    form        TEXT NOT NULL CHECK (form IN ('redacted', 'reduced')),
    content     BLOB NOT NULL,                    -- zstd
    PRIMARY KEY (snapshot_id, number),
    FOREIGN KEY (snapshot_id, number) REFERENCES page
) STRICT;

CREATE TABLE ranking (                            -- a ranked list, as served
    snapshot_id        INTEGER NOT NULL REFERENCES snapshot,
    rank               INTEGER NOT NULL CHECK (rank > 0),
    package_id         INTEGER NOT NULL REFERENCES package,
    page               INTEGER NOT NULL,          -- the page that the counters came from
    downloads          INTEGER CHECK (downloads >= 0),
    likes              INTEGER CHECK (likes >= 0),
    downloads_all_time INTEGER CHECK (downloads_all_time >= 0),
    trending           REAL,
    dependents         INTEGER CHECK (dependents >= 0),
    dependent_repos    INTEGER CHECK (dependent_repos >= 0),
    synced_at          INTEGER,                   -- when the service last fetched the package from its registry
    PRIMARY KEY (snapshot_id, rank)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX ranking_package ON ranking (package_id, snapshot_id);

CREATE TRIGGER ranking_added BEFORE INSERT ON ranking
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more rows'); END;

CREATE TRIGGER ranking_lists_package AFTER INSERT ON ranking
WHEN (SELECT is_listed FROM package WHERE package_id = NEW.package_id) = 0
BEGIN UPDATE package SET is_listed = 1 WHERE package_id = NEW.package_id; END;

CREATE TRIGGER ranking_removed BEFORE DELETE ON ranking
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'observations cannot be deleted'); END;

CREATE TRIGGER ranking_changed BEFORE UPDATE ON ranking
WHEN EXISTS (SELECT 1 FROM snapshot WHERE snapshot_id IN (OLD.snapshot_id, NEW.snapshot_id) AND status <> 'open')
BEGIN SELECT RAISE(ABORT, 'observations of an ended snapshot cannot be changed; take a new snapshot'); END;

CREATE TABLE gate_result (                        -- results of the completeness gate, one for each rule
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    gate        TEXT NOT NULL,
    outcome     TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'no baseline')),
    measured    TEXT NOT NULL,
    rule        TEXT NOT NULL,
    PRIMARY KEY (snapshot_id, gate)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER gate_result_added BEFORE INSERT ON gate_result
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more gate results'); END;

CREATE TRIGGER gate_result_changed BEFORE UPDATE ON gate_result
BEGIN SELECT RAISE(ABORT, 'gate results cannot be changed'); END;

CREATE TRIGGER gate_result_removed BEFORE DELETE ON gate_result
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'gate results cannot be deleted'); END;

CREATE TABLE field_coverage (                     -- the share of rows that have a field: the baseline for later snapshots
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    field       TEXT NOT NULL,
    share       REAL NOT NULL,
    PRIMARY KEY (snapshot_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE reject (                             -- rows that could not be read
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    page        INTEGER NOT NULL,
    position    INTEGER NOT NULL,                 -- on the page, from 0
    reason      TEXT NOT NULL,
    raw         TEXT NOT NULL,                    -- the beginning of the row
    PRIMARY KEY (snapshot_id, page, position)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER reject_added BEFORE INSERT ON reject
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more rows'); END;

CREATE TRIGGER reject_changed BEFORE UPDATE ON reject
BEGIN SELECT RAISE(ABORT, 'rejects cannot be changed'); END;

CREATE TRIGGER reject_removed BEFORE DELETE ON reject
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'rejects cannot be deleted'); END;

CREATE TABLE quality_event (                      -- what a reader of the numbers should know
    event_id    INTEGER PRIMARY KEY,
    registry_id INTEGER NOT NULL REFERENCES registry,
    snapshot_id INTEGER REFERENCES snapshot,      -- NULL if the event belongs to no snapshot
    package_id  INTEGER REFERENCES package,       -- NULL if the event is about the registry or a whole snapshot
    kind        TEXT NOT NULL,
    severity    TEXT NOT NULL CHECK (severity IN ('note', 'warning', 'error')),
    before      TEXT,
    after       TEXT,
    evidence    TEXT NOT NULL,
    noted_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX quality_event_snapshot ON quality_event (snapshot_id);

CREATE INDEX quality_event_package ON quality_event (package_id) WHERE package_id IS NOT NULL;

CREATE TABLE package (                            -- a package, with its newest known values
    package_id         INTEGER PRIMARY KEY,
    registry_id        INTEGER NOT NULL REFERENCES registry,
    key                ANY NOT NULL,              -- the registry's own id; 24 hexadecimal digits are stored as 12 bytes
    -- the key as text; 'name:…' while only the name is known
    stable_id          TEXT GENERATED ALWAYS AS (CASE typeof(key) WHEN 'blob' THEN lower(hex(key)) ELSE key END) VIRTUAL,
    name               TEXT NOT NULL,             -- the newest name
    name_hash          INTEGER NOT NULL,          -- the indexed hash of the name: see db/ids.py
    first_seen_at      INTEGER NOT NULL,          -- the time of the first stored snapshot with the package
    created_at         INTEGER,
    modified_at        INTEGER,
    revision           ANY,                       -- the newest commit; 40 hexadecimal digits are stored as 20 bytes
    -- the revision as text
    sha                TEXT
                       GENERATED ALWAYS AS (CASE typeof(revision) WHEN 'blob' THEN lower(hex(revision)) ELSE revision END) VIRTUAL,
    downloads          INTEGER,                   -- this and the next five: the newest counters
    likes              INTEGER,
    downloads_all_time INTEGER,
    trending           REAL,
    dependents         INTEGER,
    dependent_repos    INTEGER,
    seen_at            INTEGER NOT NULL,          -- the time of the newest snapshot with the package
    -- hash of the package's values in the last census, without counters; NULL: not in that census
    fingerprint        INTEGER,
    -- 1 if a ranking has the package: such packages are found by name without reading a ranking
    is_listed          INTEGER NOT NULL DEFAULT 0 CHECK (is_listed IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX package_key ON package (registry_id, key);

CREATE INDEX package_name_hash ON package (name_hash);

CREATE INDEX package_listed_name ON package (name) WHERE is_listed = 1;

CREATE INDEX package_listed_stable_id ON package (stable_id) WHERE is_listed = 1;

CREATE TABLE name_history (                       -- the names of a package that has had more than one
    package_id INTEGER NOT NULL REFERENCES package,
    name       TEXT NOT NULL,
    valid_from INTEGER NOT NULL,                  -- seconds after package.first_seen_at, as in the next tables up to edge
    valid_to   INTEGER,                           -- NULL for the newest name
    PRIMARY KEY (package_id, valid_from)
) STRICT, WITHOUT ROWID;

CREATE INDEX name_history_name ON name_history (name);

CREATE TABLE term (                               -- values of attributes and names of libraries, each stored once
    term_id INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,                        -- the name of the attribute, or the kind of library
    text    TEXT NOT NULL,
    hash    INTEGER NOT NULL                      -- the indexed hash of the text
) STRICT;

CREATE INDEX term_hash ON term (hash);

CREATE TABLE package_attribute (
    -- library, task, licence, … of a package, with the time for which each is valid
    package_id INTEGER NOT NULL REFERENCES package,
    term_id    INTEGER NOT NULL REFERENCES term,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER,
    PRIMARY KEY (package_id, term_id, valid_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE package_library_interval (
    -- libraries, file formats and trackers of a package, with the time for which each is valid
    package_id INTEGER NOT NULL REFERENCES package,
    term_id    INTEGER NOT NULL REFERENCES term,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER,
    PRIMARY KEY (package_id, term_id, valid_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE edge (                               -- a package names its parent, for some time
    child_id    INTEGER NOT NULL REFERENCES package,
    parent      ANY NOT NULL,                     -- package_id of the parent; 'name:…' while no known package has the name
    -- 0 finetune, 1 adapter, 2 merge, 3 quantized, 4 unstated
    relation    INTEGER NOT NULL CHECK (relation BETWEEN 0 AND 4),
    valid_from  INTEGER NOT NULL,
    valid_to    INTEGER,
    parent_name TEXT NOT NULL,                    -- the name that the child uses; '' for the parent's current name
    PRIMARY KEY (child_id, parent, relation, valid_from, parent_name)
) STRICT, WITHOUT ROWID;

CREATE INDEX edge_parent ON edge (parent);

CREATE TABLE census (                             -- a snapshot of every package of a registry
    snapshot_id INTEGER PRIMARY KEY REFERENCES snapshot,
    packages    INTEGER NOT NULL,
    arrivals    INTEGER NOT NULL,                 -- packages that the previous census lacks
    departures  INTEGER NOT NULL                  -- packages that only the previous census has
) STRICT;

CREATE TRIGGER census_added BEFORE INSERT ON census
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and cannot be changed'); END;

CREATE TRIGGER census_changed BEFORE UPDATE ON census
BEGIN SELECT RAISE(ABORT, 'a census cannot be changed'); END;

CREATE TRIGGER census_removed BEFORE DELETE ON census
BEGIN SELECT RAISE(ABORT, 'a census cannot be deleted'); END;

CREATE TABLE census_page (                        -- counters of an open census; deleted when the census ends
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    number      INTEGER NOT NULL,
    last_id     TEXT NOT NULL,                    -- the largest stable id so far
    fields      TEXT NOT NULL,                    -- JSON: the number of rows with each field
    content     BLOB NOT NULL,
    PRIMARY KEY (snapshot_id, number)
) STRICT;

CREATE TRIGGER census_page_added BEFORE INSERT ON census_page
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more pages'); END;

CREATE TABLE observation_block (                  -- counters of 65,536 packages in one census
    block_id    INTEGER PRIMARY KEY,
    registry_id INTEGER NOT NULL REFERENCES registry,
    number      INTEGER NOT NULL,                 -- package_id >> 16
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    codec       INTEGER NOT NULL,                 -- the encoding: see db/census/blocks.py
    -- 1: all counters; 0: the differences from the previous block
    is_keyframe INTEGER NOT NULL CHECK (is_keyframe IN (0, 1)),
    content     BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX observation_block_chain ON observation_block (registry_id, number, snapshot_id, is_keyframe);

CREATE INDEX observation_block_half_way ON observation_block (registry_id, number, snapshot_id) WHERE codec = 3;

CREATE TRIGGER observation_block_added BEFORE INSERT ON observation_block
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more observations'); END;

CREATE TRIGGER observation_block_changed BEFORE UPDATE ON observation_block
BEGIN SELECT RAISE(ABORT, 'observations of a census cannot be changed'); END;

CREATE TRIGGER observation_block_removed BEFORE DELETE ON observation_block
BEGIN SELECT RAISE(ABORT, 'observations cannot be deleted'); END;

CREATE TABLE ranking_depth (                      -- the values of K for which top K lists are compared
    k INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE top_k_membership (                   -- derived: when a package was first and last in a top K
    registry_id INTEGER NOT NULL,
    ordered_by  TEXT NOT NULL,
    counter     TEXT NOT NULL,
    k           INTEGER NOT NULL REFERENCES ranking_depth,
    package_id  INTEGER NOT NULL REFERENCES package,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (registry_id, ordered_by, counter, k, package_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX top_k_membership_first ON top_k_membership (registry_id, ordered_by, counter, k, first_at);

CREATE TABLE result (                             -- one number that a metric computed for one snapshot
    snapshot_id          INTEGER NOT NULL REFERENCES snapshot,
    metric               TEXT NOT NULL,
    version              INTEGER NOT NULL,
    name                 TEXT NOT NULL,
    k                    INTEGER NOT NULL,        -- 0: the whole snapshot
    previous_snapshot_id INTEGER REFERENCES snapshot,
    value                REAL,                    -- NULL: undefined, and the note states the reason
    low                  REAL,
    high                 REAL,
    n                    INTEGER,                 -- the number of observations
    note                 TEXT NOT NULL,
    computed_at          INTEGER NOT NULL,
    PRIMARY KEY (snapshot_id, metric, version, name, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE change_crawl (                       -- one run of `observatory crawl changes`
    change_crawl_id INTEGER PRIMARY KEY,
    registry_id     INTEGER NOT NULL REFERENCES registry,
    source          TEXT NOT NULL,                -- the crawled endpoint
    started_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    status          TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'caught up', 'bounded', 'stopped', 'failed')),
    reason          TEXT,
    CHECK ((status = 'open') = (ended_at IS NULL))
) STRICT;

CREATE TRIGGER change_crawl_ended BEFORE UPDATE ON change_crawl WHEN OLD.status <> 'open'
BEGIN SELECT RAISE(ABORT, 'this crawl of changes has ended'); END;

CREATE TABLE change_crawl_page (                  -- one response of a crawl of changes
    change_crawl_id INTEGER NOT NULL REFERENCES change_crawl,
    number          INTEGER NOT NULL,
    role            TEXT NOT NULL CHECK (role IN ('probe', 'modified', 'created', 'absent')),
    url             TEXT NOT NULL,
    fetched_at      INTEGER NOT NULL,
    status          INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    sha256          TEXT NOT NULL,                -- of the body as received
    headers         TEXT NOT NULL,                -- JSON: the headers with the date, the cache and the quota
    received        INTEGER NOT NULL,             -- rows in the body, of which:
    new             INTEGER NOT NULL,             -- packages that the store did not have
    edited          INTEGER NOT NULL,             -- packages with a new sha or a new time of modification
    unchanged       INTEGER NOT NULL,             -- packages that the store already had as they are: the overlap
    duplicates      INTEGER NOT NULL,             -- rows that repeat a package on this page, or in this order of this crawl
    rejected        INTEGER NOT NULL,             -- rows that could not be read
    next_url        TEXT,
    hidden          INTEGER NOT NULL DEFAULT 0,   -- rows that are not public, and were dropped
    PRIMARY KEY (change_crawl_id, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER change_crawl_page_added BEFORE INSERT ON change_crawl_page
WHEN (SELECT status FROM change_crawl WHERE change_crawl_id = NEW.change_crawl_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this crawl of changes has ended and accepts no more pages'); END;

CREATE TRIGGER change_crawl_page_changed BEFORE UPDATE ON change_crawl_page
BEGIN SELECT RAISE(ABORT, 'pages cannot be changed'); END;

CREATE TABLE change_cursor (                      -- how far the newest-first lists of a registry have been read
    registry_id     INTEGER NOT NULL REFERENCES registry,
    "order"         TEXT NOT NULL CHECK ("order" IN ('modified', 'created')),
    high_water_mark INTEGER,                      -- every change up to this time is stored
    upper_bound     INTEGER,                      -- the newest change of an unfinished crawl; NULL if no crawl is unfinished
    resume_url      TEXT,                         -- the next page of the unfinished crawl
    change_crawl_id INTEGER NOT NULL REFERENCES change_crawl,  -- the last crawl that moved the cursor
    PRIMARY KEY (registry_id, "order"),
    CHECK ((upper_bound IS NULL) = (resume_url IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE missing_package (                    -- a package that one census has and a later census lacks
    package_id    INTEGER NOT NULL REFERENCES package,
    missing_since INTEGER NOT NULL,               -- the time of the first census without the package
    last_seen     INTEGER NOT NULL,               -- the time of the last census with the package
    name          TEXT NOT NULL,                  -- the name that probes request
    state         TEXT NOT NULL
                  CHECK (state IN ('unknown', 'deleted', 'renamed', 'recreated', 'replaced', 'gated', 'disabled', 'unlisted', 'returned')),
    probes        INTEGER NOT NULL DEFAULT 0,     -- the number of probes that did not find the package
    first_probe   INTEGER,
    last_probe    INTEGER,
    successor     TEXT,                           -- the new name, or the stable id of the package that has taken the name
    decided_at    INTEGER,
    PRIMARY KEY (package_id, missing_since),
    CHECK ((state = 'unknown') = (decided_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX missing_package_pending ON missing_package (last_probe) WHERE state = 'unknown';

CREATE TRIGGER missing_package_decided BEFORE UPDATE ON missing_package WHEN OLD.state <> 'unknown'
BEGIN SELECT RAISE(ABORT, 'this case is closed'); END;

CREATE TABLE tick (                               -- one time at which a schedule was due
    tick_id    INTEGER PRIMARY KEY,               -- in the order of recording
    schedule   TEXT NOT NULL,                     -- the name of the schedule file
    due_at     INTEGER NOT NULL,
    cause      TEXT NOT NULL CHECK (cause IN ('time', 'catch-up', 'then', 'person', 'clock')),
    outcome    TEXT NOT NULL
               CHECK (outcome IN ('known', 'queued', 'started', 'done', 'partial', 'failed', 'interrupted', 'gap')),
    reason     TEXT,                              -- why the tick is a gap, or why it failed
    command    TEXT,                              -- the command line after `observatory`
    started_at INTEGER,
    ended_at   INTEGER,
    exit_code  INTEGER,
    attempts   INTEGER NOT NULL,
    last_line  TEXT,                              -- the last line that the command printed
    UNIQUE (schedule, due_at),
    CHECK (outcome <> 'gap' OR reason IS NOT NULL)
) STRICT;

CREATE TRIGGER tick_kept BEFORE DELETE ON tick
BEGIN SELECT RAISE(ABORT, 'ticks cannot be deleted'); END;

CREATE TRIGGER tick_ended BEFORE UPDATE ON tick WHEN OLD.outcome IN ('known', 'done') AND NEW.outcome <> OLD.outcome
BEGIN SELECT RAISE(ABORT, 'the outcome of this tick is final'); END;

CREATE TABLE card_dictionary (                    -- a compression dictionary: what cards have in common
    dictionary_id INTEGER PRIMARY KEY,
    content       BLOB NOT NULL,
    cards         INTEGER NOT NULL,               -- the number of cards that trained it
    made_at       INTEGER NOT NULL
) STRICT;

CREATE TRIGGER card_dictionary_kept BEFORE DELETE ON card_dictionary
BEGIN SELECT RAISE(ABORT, 'cards cannot be read without their dictionary'); END;

CREATE TRIGGER card_dictionary_same BEFORE UPDATE ON card_dictionary
BEGIN SELECT RAISE(ABORT, 'cards cannot be read without their dictionary'); END;

CREATE TABLE card_collection (                    -- one collection of cards: a crawl, or an imported file
    collection_id INTEGER PRIMARY KEY,
    registry_id   INTEGER NOT NULL REFERENCES registry,
    origin        TEXT NOT NULL CHECK (origin IN ('crawl', 'import')),
    source        TEXT NOT NULL,                  -- the crawled endpoint, or the name of the file
    file_sha256   TEXT,
    taken_at      INTEGER NOT NULL,               -- the time that the collection represents
    started_at    INTEGER NOT NULL,
    -- whether the cards were visible without a token; 0 where an older version sent one
    is_public     INTEGER NOT NULL DEFAULT 0 CHECK (is_public IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX card_collection_file ON card_collection (registry_id, taken_at, file_sha256)
    WHERE file_sha256 IS NOT NULL;

CREATE TABLE card (                               -- one text of a model card, stored once
    card_id       INTEGER PRIMARY KEY,
    blob          TEXT NOT NULL UNIQUE CHECK (length(blob) = 40),  -- sha1 of the whole file, as git computes it
    size          INTEGER NOT NULL,               -- bytes of the whole file
    truncated     INTEGER NOT NULL CHECK (truncated IN (0, 1)),  -- 1: only the beginning is stored
    redacted      INTEGER NOT NULL CHECK (redacted IN (0, 1)),  -- 1: personal addresses were removed
    front         TEXT NOT NULL CHECK (front IN ('none', 'read', 'refused', 'broken')),  -- the state of the front matter
    dictionary_id INTEGER REFERENCES card_dictionary,
    content       BLOB NOT NULL                   -- zstd
) STRICT;

CREATE TRIGGER card_same BEFORE UPDATE OF blob, size, truncated, redacted ON card
BEGIN SELECT RAISE(ABORT, 'a card cannot be changed; another text is another card'); END;

CREATE TRIGGER card_kept BEFORE DELETE ON card
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'cards cannot be deleted'); END;

CREATE TABLE card_field (                         -- the fields that have a value in the front matter of a card
    card_id INTEGER NOT NULL REFERENCES card,
    field   TEXT NOT NULL,
    PRIMARY KEY (card_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE card_revision (                      -- the card of a package, with the time for which it is valid
    package_id    INTEGER NOT NULL REFERENCES package,
    valid_from    INTEGER NOT NULL,
    valid_to      INTEGER,
    state         TEXT NOT NULL CHECK (state IN ('card', 'none', 'gated', 'missing', 'huge', 'elsewhere')),
    card_id       INTEGER REFERENCES card,
    sha           TEXT,                           -- the commit at which the revision was first seen
    checked_sha   TEXT,                           -- the newest commit that was checked and still had the revision
    checked_at    INTEGER NOT NULL,               -- the time of that commit
    fetched_at    INTEGER NOT NULL,
    collection_id INTEGER NOT NULL REFERENCES card_collection,
    note          TEXT NOT NULL,
    PRIMARY KEY (package_id, valid_from),
    CHECK ((state = 'card') = (card_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX card_revision_card ON card_revision (card_id);

CREATE TABLE score (                              -- the answer of a scorer to one question about one card
    card_id        INTEGER NOT NULL REFERENCES card,
    scorer         TEXT NOT NULL,                 -- rules, openai
    version        TEXT NOT NULL,                 -- of the rules; or the prompt, its hash and the model
    item           TEXT NOT NULL CHECK (item IN ('description', 'limitations', 'how_to_use', 'training', 'evaluation')),
    state          TEXT NOT NULL CHECK (state IN ('yes', 'no', 'invalid', 'refused', 'over_budget', 'error')),
    agreement      REAL CHECK (agreement BETWEEN 0 AND 1),
    -- the passage behind the answer, as characters of the text; the text is not repeated
    evidence_start INTEGER,
    evidence_end   INTEGER,
    reason         TEXT NOT NULL,
    scored_at      INTEGER NOT NULL,
    PRIMARY KEY (card_id, scorer, version, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE redaction (                          -- what views and exports leave out, on request
    -- package: a stable id; name: any name of a package; author: every package of an author
    kind  TEXT NOT NULL CHECK (kind IN ('package', 'name', 'author')),
    value TEXT NOT NULL CHECK (value <> ''),
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE redacted_name (
    -- every known id and name that the entries of redaction cover, in the cases in which a view looks for it
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE redacted_pattern (                   -- patterns of GLOB for texts that quote what is redacted
    pattern TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE removed_snapshot (                   -- tombstones of imports that were removed
    snapshot_id INTEGER PRIMARY KEY,              -- the number of the snapshot, which is never used again
    registry_id INTEGER NOT NULL REFERENCES registry,
    kind        TEXT NOT NULL,
    ordered_by  TEXT NOT NULL,
    counter     TEXT NOT NULL,
    source      TEXT NOT NULL,
    file_sha256 TEXT,
    taken_at    INTEGER NOT NULL,
    status      TEXT NOT NULL,                    -- the status that the snapshot had
    digest      TEXT,                             -- of the rows that it had
    packages    INTEGER NOT NULL,                 -- the number of packages that it listed
    reason      TEXT NOT NULL CHECK (trim(reason) <> ''),  -- why it was removed
    removed_at  INTEGER                           -- NULL only within the transaction that removes it
) STRICT;

CREATE TRIGGER removal_of_an_import BEFORE INSERT ON removed_snapshot
WHEN NEW.removed_at IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM snapshot s WHERE s.snapshot_id = NEW.snapshot_id AND s.origin = 'import' AND s.status <> 'open')
BEGIN SELECT RAISE(ABORT, 'only an import that has ended can be removed'); END;

CREATE TRIGGER removal_changed BEFORE UPDATE ON removed_snapshot
WHEN OLD.removed_at IS NOT NULL OR EXISTS (SELECT 1 FROM snapshot s WHERE s.snapshot_id = OLD.snapshot_id)
BEGIN SELECT RAISE(ABORT, 'a tombstone cannot be changed'); END;

CREATE TRIGGER removal_kept BEFORE DELETE ON removed_snapshot
BEGIN SELECT RAISE(ABORT, 'tombstones cannot be deleted'); END;

CREATE TABLE import_field (
    -- what the rows of an imported file have, so that the import can be removed
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    field       TEXT NOT NULL,                    -- id, name, libraries, parents, values, or attribute NAME
    PRIMARY KEY (snapshot_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE stated_value (
    -- values that an import stated or replaced, so that its removal can restore them
    package_id  INTEGER NOT NULL REFERENCES package,
    snapshot_id INTEGER NOT NULL,                 -- the snapshot that stated them; 0: a crawl of changes
    stated_at   INTEGER NOT NULL,                 -- the time of that snapshot
    created_at  INTEGER,
    modified_at INTEGER,
    revision    ANY,
    PRIMARY KEY (package_id, snapshot_id)
) STRICT, WITHOUT ROWID;

CREATE VIEW alias AS                      -- every name that a package has had
SELECT p.package_id, coalesce(n.name, p.name) AS name, p.first_seen_at + coalesce(n.valid_from, 0) AS valid_from,
       p.first_seen_at + n.valid_to AS valid_to
FROM package p LEFT JOIN name_history n ON n.package_id = p.package_id;

CREATE VIEW attribute AS                  -- task, licence, gated, …
SELECT a.package_id, t.kind AS name, t.text AS value, p.first_seen_at + a.valid_from AS valid_from,
       p.first_seen_at + a.valid_to AS valid_to
FROM package_attribute a CROSS JOIN term t ON t.term_id = a.term_id CROSS JOIN package p ON p.package_id = a.package_id;

CREATE VIEW package_library AS            -- libraries, file formats and trackers
SELECT i.package_id, t.text AS library, t.kind, p.first_seen_at + i.valid_from AS valid_from,
       p.first_seen_at + i.valid_to AS valid_to
FROM package_library_interval i CROSS JOIN term t ON t.term_id = i.term_id
CROSS JOIN package p ON p.package_id = i.package_id;

CREATE VIEW lineage_edge AS               -- parent_id is NULL while no known package has the parent's name
SELECT e.child_id, CASE typeof(e.parent) WHEN 'integer' THEN e.parent END AS parent_id,
       coalesce(nullif(e.parent_name, ''), p.name, substr(e.parent, 6)) AS parent_name,
       CASE e.relation WHEN 0 THEN 'finetune' WHEN 1 THEN 'adapter' WHEN 2 THEN 'merge' WHEN 3 THEN 'quantized'
                       ELSE 'unstated' END AS relation,
       c.first_seen_at + e.valid_from AS valid_from, c.first_seen_at + e.valid_to AS valid_to
FROM edge e CROSS JOIN package c ON c.package_id = e.child_id LEFT JOIN package p ON p.package_id = e.parent;

CREATE VIEW v1_absence AS
SELECT "registry", "package", "name", "last_seen", "missed_at", "state", "probes", "first_probe", "last_probe", "successor", "decided_at"
FROM (
SELECT r.name AS registry, p.stable_id AS package, m.name,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.last_seen, 'unixepoch') AS last_seen,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.missing_since, 'unixepoch') AS missed_at, m.state, m.probes,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.first_probe, 'unixepoch') AS first_probe,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.last_probe, 'unixepoch') AS last_probe, m.successor,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.decided_at, 'unixepoch') AS decided_at
FROM missing_package m JOIN package p ON p.package_id = m.package_id JOIN registry r ON r.registry_id = p.registry_id
) b
WHERE lower(coalesce("package", '')) NOT IN (SELECT name FROM redacted_name)
  AND lower(coalesce("successor", '')) NOT IN (SELECT name FROM redacted_name);

CREATE VIEW v1_alias AS
SELECT "registry", "package", "name", "created_at", "since", "until"
FROM (
SELECT r.name AS registry, p.stable_id AS package, a.name,
       strftime('%Y-%m-%dT%H:%M:%SZ', p.created_at, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.valid_to, 'unixepoch') AS until
FROM alias a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id
) b
WHERE lower(coalesce("package", '')) NOT IN (SELECT name FROM redacted_name);

CREATE VIEW v1_lineage_edge AS
SELECT "registry", "child", "child_name", "parent", "parent_name", "relation", "since", "until"
FROM (
SELECT r.name AS registry, c.stable_id AS child,
       (SELECT a.name FROM alias a WHERE a.package_id = e.child_id AND a.valid_from <= e.valid_from
        ORDER BY a.valid_from DESC LIMIT 1) AS child_name,
       p.stable_id AS parent, e.parent_name, e.relation,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.valid_to, 'unixepoch') AS until
FROM lineage_edge e JOIN package c ON c.package_id = e.child_id JOIN registry r ON r.registry_id = c.registry_id
LEFT JOIN package p ON p.package_id = e.parent_id
) b
WHERE lower(coalesce("child", '')) NOT IN (SELECT name FROM redacted_name)
  AND lower(coalesce("parent", '')) NOT IN (SELECT name FROM redacted_name)
  AND lower(coalesce("parent_name", '')) NOT IN (SELECT name FROM redacted_name);

CREATE VIEW list_of_day AS
-- For each series, K and UTC day: of the complete lists at least K deep, the list that was stored first.
SELECT s.registry_id, s.ordered_by, s.counter, d.k, s.date, s.taken_at, s.snapshot_id
FROM snapshot s JOIN ranking_depth d ON d.k <= s.depth
WHERE s.status = 'complete' AND NOT EXISTS (
    SELECT 1 FROM snapshot f
    WHERE f.registry_id = s.registry_id AND f.ordered_by = s.ordered_by AND f.counter = s.counter
      AND f.taken_at >= s.taken_at - s.taken_at % 86400 AND f.taken_at < s.taken_at - s.taken_at % 86400 + 86400
      AND f.status = 'complete' AND f.depth >= d.k AND f.snapshot_id < s.snapshot_id);

CREATE VIEW previous_list AS
-- The list that a complete list is compared with at each K: of an earlier day's list of the day, the newest that is at least
-- 20 hours older. A day less four hours: a daily list may start early.
SELECT c.snapshot_id, c.k, c.previous_snapshot_id
FROM (
    SELECT t.snapshot_id, l.k, l.snapshot_id AS previous_snapshot_id,
           ROW_NUMBER() OVER (PARTITION BY t.snapshot_id, l.k ORDER BY l.taken_at DESC) AS nearness
    FROM snapshot t
    JOIN list_of_day l ON l.registry_id = t.registry_id AND l.ordered_by = t.ordered_by AND l.counter = t.counter
     AND l.k <= t.depth AND l.date < t.date AND l.taken_at <= t.taken_at - 72000
    WHERE t.status = 'complete') c
WHERE c.nearness = 1;

CREATE VIEW v1_ranking AS
SELECT "registry", "snapshot", "date", "rank", "package", "name", "downloads", "likes", "downloads_all_time", "trending", "dependents", "dependent_repos", "synced_at", "by"
FROM (
SELECT r.name AS registry, s.snapshot_id AS snapshot, s.date, k.rank, p.stable_id AS package, p.name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos,
       strftime('%Y-%m-%dT%H:%M:%SZ', k.synced_at, 'unixepoch') AS synced_at, s.ordered_by AS "by"
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id AND s.status = 'complete'
JOIN registry r ON r.registry_id = s.registry_id JOIN package p ON p.package_id = k.package_id AND p.is_listed = 1
WHERE p.package_id NOT IN (SELECT package_id FROM name_history)
UNION ALL
SELECT r.name, s.snapshot_id, s.date, k.rank, p.stable_id, n.name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos,
       strftime('%Y-%m-%dT%H:%M:%SZ', k.synced_at, 'unixepoch'), s.ordered_by
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id AND s.status = 'complete'
JOIN registry r ON r.registry_id = s.registry_id JOIN package p ON p.package_id = k.package_id AND p.is_listed = 1
LEFT JOIN name_history n ON n.package_id = p.package_id AND n.valid_from = (
    SELECT max(o.valid_from) FROM name_history o
    WHERE o.package_id = p.package_id AND o.valid_from <= s.taken_at - p.first_seen_at)
WHERE p.package_id IN (SELECT package_id FROM name_history)
) b
WHERE lower(coalesce("package", '')) NOT IN (SELECT name FROM redacted_name);

CREATE VIEW v1_snapshot AS
SELECT "snapshot", "registry", "kind", "k", "by", "counter", "date", "taken_at", "started_at", "ended_at", "status", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."reason"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."reason" END AS "reason", "origin", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."source"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."source" END AS "source", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."evidence"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."evidence" END AS "evidence", "depth", "digest", "pages", "duplicates", "rejected"
FROM (
SELECT s.snapshot_id AS snapshot, r.name AS registry, s.kind, s.k, s.ordered_by AS "by", s.counter, s.date,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.taken_at, 'unixepoch') AS taken_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.ended_at, 'unixepoch') AS ended_at,
       s.status, s.reason, s.origin, s.source, s.date_evidence AS evidence, s.depth, s.digest,
       (SELECT count(*) FROM page p WHERE p.snapshot_id = s.snapshot_id) AS pages,
       (SELECT coalesce(sum(p.duplicates), 0) FROM page p WHERE p.snapshot_id = s.snapshot_id) AS duplicates,
       (SELECT count(*) FROM reject x WHERE x.snapshot_id = s.snapshot_id) AS rejected
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id
) b;

CREATE VIEW v1_look AS
SELECT "look", "registry", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."source"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."source" END AS "source", "started_at", "ended_at", "status", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."reason"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."reason" END AS "reason", "requests", "new", "edited", "duplicates"
FROM (
SELECT c.change_crawl_id AS look, r.name AS registry, c.source,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.ended_at, 'unixepoch') AS ended_at, c.status, c.reason,
       (SELECT count(*) FROM change_crawl_page p WHERE p.change_crawl_id = c.change_crawl_id) AS requests,
       (SELECT coalesce(sum(p.new), 0) FROM change_crawl_page p WHERE p.change_crawl_id = c.change_crawl_id) AS new,
       (SELECT coalesce(sum(p.edited), 0) FROM change_crawl_page p
        WHERE p.change_crawl_id = c.change_crawl_id) AS edited,
       (SELECT coalesce(sum(p.duplicates), 0) FROM change_crawl_page p
        WHERE p.change_crawl_id = c.change_crawl_id) AS duplicates
FROM change_crawl c JOIN registry r ON r.registry_id = c.registry_id
) b;

CREATE VIEW v1_tick AS
SELECT "schedule", "due_at", "outcome", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."reason"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."reason" END AS "reason", "cause", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."command"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."command" END AS "command", "started_at", "ended_at", "exit_code", "attempts"
FROM (
SELECT schedule, strftime('%Y-%m-%dT%H:%M:%SZ', due_at, 'unixepoch') AS due_at, outcome, reason, cause, command,
       strftime('%Y-%m-%dT%H:%M:%SZ', started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', ended_at, 'unixepoch') AS ended_at, exit_code, attempts
FROM tick WHERE outcome <> 'known'
) b;

CREATE VIEW v1_card AS
SELECT "registry", "package", "name", "state", "blob", "size", "truncated", "redacted", "front", "sha", "since", "until", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."note"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."note" END AS "note"
FROM (
SELECT g.name AS registry, p.stable_id AS package, p.name, v.state, c.blob, c.size, c.truncated, c.redacted, c.front,
       v.sha, strftime('%Y-%m-%dT%H:%M:%SZ', v.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', v.valid_to, 'unixepoch') AS until, v.note
FROM card_revision v JOIN package p ON p.package_id = v.package_id JOIN registry g ON g.registry_id = p.registry_id
LEFT JOIN card c ON c.card_id = v.card_id
) b
WHERE lower(coalesce("package", '')) NOT IN (SELECT name FROM redacted_name);

CREATE VIEW v1_attribute AS
SELECT "registry", "package", "attribute", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."value"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."value" END AS "value", "since", "until"
FROM (
SELECT r.name AS registry, p.stable_id AS package, a.name AS attribute, a.value,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.valid_to, 'unixepoch') AS until
FROM attribute a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id
) b
WHERE lower(coalesce("package", '')) NOT IN (SELECT name FROM redacted_name);

CREATE VIEW v1_library AS
SELECT "registry", "package", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."library"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."library" END AS "library", "kind", "since", "until"
FROM (
SELECT r.name AS registry, p.stable_id AS package, l.library, l.kind,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.valid_to, 'unixepoch') AS until
FROM package_library l JOIN package p ON p.package_id = l.package_id JOIN registry r ON r.registry_id = p.registry_id
) b
WHERE lower(coalesce("package", '')) NOT IN (SELECT name FROM redacted_name);

CREATE VIEW v1_result AS
SELECT "registry", "snapshot", "date", "metric", "version", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."name"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."name" END AS "name", "k", "previous_snapshot", "value", "low", "high", "n", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."note"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."note" END AS "note"
FROM (
SELECT r.name AS registry, t.snapshot_id AS snapshot, s.date, t.metric, t.version, t.name, t.k,
       t.previous_snapshot_id AS previous_snapshot, t.value, t.low, t.high, t.n, t.note
FROM result t JOIN snapshot s ON s.snapshot_id = t.snapshot_id JOIN registry r ON r.registry_id = s.registry_id
) b;

CREATE VIEW v1_quality_event AS
SELECT "registry", "snapshot", "date", "package", "kind", "severity", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."before"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."before" END AS "before", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."after"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."after" END AS "after", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."evidence"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."evidence" END AS "evidence", "noted_at"
FROM (
SELECT r.name AS registry, e.snapshot_id AS snapshot, s.date, p.stable_id AS package, e.kind, e.severity, e.before,
       e.after, e.evidence, strftime('%Y-%m-%dT%H:%M:%SZ', e.noted_at, 'unixepoch') AS noted_at
FROM quality_event e JOIN registry r ON r.registry_id = e.registry_id
LEFT JOIN snapshot s ON s.snapshot_id = e.snapshot_id LEFT JOIN package p ON p.package_id = e.package_id
) b
WHERE lower(coalesce("package", '')) NOT IN (SELECT name FROM redacted_name);

CREATE VIEW v1_finding AS
SELECT "registry", "snapshot", "date", "gate", "outcome", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."measured"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."measured" END AS "measured", "rule"
FROM (
SELECT r.name AS registry, g.snapshot_id AS snapshot, s.date, g.gate, g.outcome, g.measured, g.rule
FROM gate_result g JOIN snapshot s ON s.snapshot_id = g.snapshot_id JOIN registry r ON r.registry_id = s.registry_id
) b;

CREATE VIEW v1_reject AS
SELECT "registry", "snapshot", "date", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."reason"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."reason" END AS "reason", "rejected"
FROM (
SELECT r.name AS registry, x.snapshot_id AS snapshot, s.date, x.reason, count(*) AS rejected
FROM reject x JOIN snapshot s ON s.snapshot_id = x.snapshot_id JOIN registry r ON r.registry_id = s.registry_id
GROUP BY r.name, x.snapshot_id, s.date, x.reason
) b;

CREATE VIEW v1_removed_snapshot AS
SELECT "snapshot", "registry", "kind", "by", "counter", "date", "taken_at", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."source"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."source" END AS "source", "status", "digest", "packages", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."reason"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."reason" END AS "reason", "removed_at"
FROM (
SELECT d.snapshot_id AS snapshot, r.name AS registry, d.kind, d.ordered_by AS "by", d.counter,
       date(d.taken_at, 'unixepoch') AS date, strftime('%Y-%m-%dT%H:%M:%SZ', d.taken_at, 'unixepoch') AS taken_at,
       d.source, d.status, d.digest, d.packages, d.reason,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.removed_at, 'unixepoch') AS removed_at
FROM removed_snapshot d JOIN registry r ON r.registry_id = d.registry_id
) b;

CREATE VIEW v1_score AS
SELECT "registry", "blob", "scorer", "version", "item", "state", "agreement", "evidence_start", "evidence_end", CASE WHEN EXISTS (SELECT 1 FROM redacted_pattern x WHERE ' ' || replace(replace(replace(replace(lower(b."reason"), '_', '-'), '.', '-'), '%2f', '/'), '%40', '@') || ' ' GLOB x.pattern) THEN '[withheld]' ELSE b."reason" END AS "reason", "scored_at"
FROM (
SELECT DISTINCT g.name AS registry, c.blob, s.scorer, s.version, s.item, s.state, s.agreement, s.evidence_start,
       s.evidence_end, s.reason, strftime('%Y-%m-%dT%H:%M:%SZ', s.scored_at, 'unixepoch') AS scored_at
FROM score s JOIN card c ON c.card_id = s.card_id JOIN card_revision v ON v.card_id = c.card_id
JOIN package p ON p.package_id = v.package_id JOIN registry g ON g.registry_id = p.registry_id
WHERE p.stable_id NOT IN (SELECT name FROM redacted_name)
) b;
