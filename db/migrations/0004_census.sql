-- Censuses: every package of a registry at one instant, its counters in compressed blocks.

ALTER TABLE package ADD COLUMN fingerprint INTEGER;  -- of what the last census said but for counters; NULL: not in it

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
