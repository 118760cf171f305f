-- Temporary tables for the rows of one page, so that SQL can treat the rows as a set.
-- `key` and `revision` are `stable_id` and `sha` in the stored form. `valid_from` is the time of the snapshot, in seconds after
-- the package was first seen. `is_new` marks a package that the store did not have, `is_repeat` a package that an earlier row
-- of the page has. `other_name` is the other name of a known rename, or else the name itself, for rows that have only a name.
CREATE TEMP TABLE incoming (
    position INTEGER PRIMARY KEY, stable_id TEXT, name TEXT, downloads INTEGER, likes INTEGER, downloads_all_time INTEGER,
    trending REAL, dependents INTEGER, dependent_repos INTEGER, created_at INTEGER, modified_at INTEGER, revision,
    synced_at INTEGER, lineage INTEGER, libraries INTEGER, key, name_hash INTEGER, fingerprint INTEGER, other_name TEXT,
    package_id INTEGER, valid_from INTEGER NOT NULL DEFAULT 0, is_new INTEGER NOT NULL DEFAULT 0,
    is_repeat INTEGER NOT NULL DEFAULT 0, rank INTEGER);
CREATE INDEX temp.incoming_package ON incoming (package_id, position);
CREATE TEMP TABLE incoming_attribute (position INTEGER, name TEXT, term_id INTEGER, PRIMARY KEY (position, name)) WITHOUT ROWID;
CREATE TEMP TABLE incoming_parent (
    position INTEGER, name TEXT, relation TEXT, code INTEGER, stable_id TEXT, key, name_hash INTEGER, parent_id INTEGER,
    parent, PRIMARY KEY (position, name, relation)) WITHOUT ROWID;
CREATE INDEX temp.incoming_parent_code ON incoming_parent (position, code, parent);
CREATE TEMP TABLE stated_parent (position INTEGER, code INTEGER, name TEXT, PRIMARY KEY (position, code, name)) WITHOUT ROWID;
CREATE TEMP TABLE incoming_library (position INTEGER, term_id INTEGER, PRIMARY KEY (position, term_id)) WITHOUT ROWID;
