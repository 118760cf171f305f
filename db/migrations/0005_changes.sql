-- What was seen to change between two snapshots, and what became of packages that a census no longer lists.
-- A look is never a snapshot: it has no ranking, writes no counter, and no metric asks it anything.

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

CREATE VIEW v1_look AS
SELECT l.look_id AS look, r.name AS registry, l.source,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.ended_at, 'unixepoch') AS ended_at, l.status, l.reason,
       (SELECT count(*) FROM look_page p WHERE p.look_id = l.look_id) AS requests,
       (SELECT coalesce(sum(p.new), 0) FROM look_page p WHERE p.look_id = l.look_id) AS new,
       (SELECT coalesce(sum(p.edited), 0) FROM look_page p WHERE p.look_id = l.look_id) AS edited,
       (SELECT coalesce(sum(p.duplicates), 0) FROM look_page p WHERE p.look_id = l.look_id) AS duplicates
FROM look l JOIN registry r ON r.registry_id = l.registry_id;

CREATE VIEW v1_absence AS
SELECT r.name AS registry, p.stable_id AS package, a.name,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.last_seen, 'unixepoch') AS last_seen,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.missed_at, 'unixepoch') AS missed_at, a.state, a.probes,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.first_probe, 'unixepoch') AS first_probe,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.last_probe, 'unixepoch') AS last_probe, a.successor,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.decided_at, 'unixepoch') AS decided_at
FROM absence a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id;
