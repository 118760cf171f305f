-- The rows of the page at hand, so that SQL can treat them as a set.
CREATE TEMP TABLE incoming (
    position INTEGER PRIMARY KEY, stable_id TEXT, name TEXT, downloads INTEGER, likes INTEGER, downloads_all_time INTEGER,
    trending REAL, dependents INTEGER, dependent_repos INTEGER, created_at INTEGER, modified_at INTEGER, sha TEXT,
    synced_at INTEGER, lineage INTEGER, libraries INTEGER, package_id INTEGER, rank INTEGER);
CREATE INDEX temp.incoming_package ON incoming (package_id, position);
CREATE TEMP TABLE incoming_attribute (position INTEGER, name TEXT, value TEXT, PRIMARY KEY (position, name)) WITHOUT ROWID;
CREATE TEMP TABLE incoming_parent (
    position INTEGER, name TEXT, relation TEXT, stable_id TEXT, parent_id INTEGER, PRIMARY KEY (position, name, relation)) WITHOUT ROWID;
CREATE TEMP TABLE incoming_library (position INTEGER, library TEXT, kind TEXT, PRIMARY KEY (position, library)) WITHOUT ROWID;
