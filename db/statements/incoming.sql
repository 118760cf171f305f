-- The rows of the page at hand, so that SQL can treat them as a set. `key` and `revision` are `stable_id` and `sha` as they are
-- kept, `since` is the instant of the snapshot in seconds after the package was first written down, `fresh` says that it is new,
-- `again` that an earlier row of the page is the same package.
CREATE TEMP TABLE incoming (
    position INTEGER PRIMARY KEY, stable_id TEXT, name TEXT, downloads INTEGER, likes INTEGER, downloads_all_time INTEGER,
    trending REAL, dependents INTEGER, dependent_repos INTEGER, created_at INTEGER, modified_at INTEGER, revision,
    synced_at INTEGER, lineage INTEGER, libraries INTEGER, key, name_hash INTEGER, fingerprint INTEGER,
    package_id INTEGER, since INTEGER NOT NULL DEFAULT 0, fresh INTEGER NOT NULL DEFAULT 0,
    again INTEGER NOT NULL DEFAULT 0, rank INTEGER);
CREATE INDEX temp.incoming_package ON incoming (package_id, position);
CREATE TEMP TABLE incoming_attribute (position INTEGER, name TEXT, word_id INTEGER, PRIMARY KEY (position, name)) WITHOUT ROWID;
CREATE TEMP TABLE incoming_parent (
    position INTEGER, name TEXT, relation TEXT, code INTEGER, stable_id TEXT, key, name_hash INTEGER, parent_id INTEGER,
    PRIMARY KEY (position, name, relation)) WITHOUT ROWID;
CREATE TEMP TABLE incoming_library (position INTEGER, word_id INTEGER, PRIMARY KEY (position, word_id)) WITHOUT ROWID;
