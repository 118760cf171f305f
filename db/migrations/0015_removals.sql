-- A wrong import can be taken back. Its tombstone stays, and its number is never used again.
CREATE TABLE removed_snapshot (
    snapshot_id INTEGER PRIMARY KEY,
    registry_id INTEGER NOT NULL REFERENCES registry,
    kind TEXT NOT NULL,
    ordered_by TEXT NOT NULL,
    counter TEXT NOT NULL,
    source TEXT NOT NULL,
    file_sha256 TEXT,
    taken_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    digest TEXT,
    packages INTEGER NOT NULL,
    reason TEXT NOT NULL CHECK (trim(reason) <> ''),
    removed_at INTEGER
) STRICT;

-- What the rows of an imported file have: 'name', 'id', 'libraries', 'parents', 'values' or 'attribute NAME'.
CREATE TABLE import_field (
    snapshot_id INTEGER NOT NULL REFERENCES snapshot,
    field TEXT NOT NULL,
    PRIMARY KEY (snapshot_id, field)
) STRICT, WITHOUT ROWID;

-- Values of packages that an import stated or replaced, so that its removal can restore them.
CREATE TABLE stated_value (
    package_id INTEGER NOT NULL REFERENCES package,
    snapshot_id INTEGER NOT NULL,
    stated_at INTEGER NOT NULL,
    created_at INTEGER,
    modified_at INTEGER,
    revision ANY,
    PRIMARY KEY (package_id, snapshot_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER removal_of_an_import BEFORE INSERT ON removed_snapshot
WHEN NEW.removed_at IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM snapshot s WHERE s.snapshot_id = NEW.snapshot_id AND s.origin = 'import' AND s.status <> 'open')
BEGIN SELECT RAISE(ABORT, 'only an import that has ended can be removed'); END;
CREATE TRIGGER removal_changed BEFORE UPDATE ON removed_snapshot
WHEN OLD.removed_at IS NOT NULL OR EXISTS (SELECT 1 FROM snapshot s WHERE s.snapshot_id = OLD.snapshot_id)
BEGIN SELECT RAISE(ABORT, 'a tombstone cannot be changed'); END;
CREATE TRIGGER removal_kept BEFORE DELETE ON removed_snapshot
BEGIN SELECT RAISE(ABORT, 'tombstones cannot be deleted'); END;

-- The triggers that protect ended snapshots permit deleting the rows of an import while it is being removed, and nothing else.
DROP TRIGGER snapshot_begins_once;
CREATE TRIGGER snapshot_begins_once BEFORE INSERT ON snapshot
WHEN EXISTS (SELECT 1 FROM snapshot s WHERE s.snapshot_id = NEW.snapshot_id
             UNION ALL SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = NEW.snapshot_id)
BEGIN SELECT RAISE(ABORT, 'this snapshot exists already and cannot be replaced'); END;

DROP TRIGGER snapshot_kept;
CREATE TRIGGER snapshot_kept BEFORE DELETE ON snapshot
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'snapshots cannot be deleted'); END;

DROP TRIGGER page_removed;
CREATE TRIGGER page_removed BEFORE DELETE ON page
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'pages cannot be deleted'); END;

DROP TRIGGER ranking_removed;
CREATE TRIGGER ranking_removed BEFORE DELETE ON ranking
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'observations cannot be deleted'); END;

DROP TRIGGER gate_result_removed;
CREATE TRIGGER gate_result_removed BEFORE DELETE ON gate_result
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'gate results cannot be deleted'); END;

DROP TRIGGER reject_removed;
CREATE TRIGGER reject_removed BEFORE DELETE ON reject
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.snapshot_id = OLD.snapshot_id AND d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'rejects cannot be deleted'); END;

DROP TRIGGER card_kept;
CREATE TRIGGER card_kept BEFORE DELETE ON card
WHEN NOT EXISTS (SELECT 1 FROM removed_snapshot d WHERE d.removed_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'cards cannot be deleted'); END;

CREATE VIEW v1_removed_snapshot AS
SELECT d.snapshot_id AS snapshot, r.name AS registry, d.kind, d.ordered_by AS "by", d.counter,
       date(d.taken_at, 'unixepoch') AS date, strftime('%Y-%m-%dT%H:%M:%SZ', d.taken_at, 'unixepoch') AS taken_at,
       d.source, d.status, d.digest, d.packages, d.reason,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.removed_at, 'unixepoch') AS removed_at
FROM removed_snapshot d JOIN registry r ON r.registry_id = d.registry_id;
