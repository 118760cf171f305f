-- Temporary tables for the removal of an import: the packages that it touched, what else has observed them, and the packages
-- that nothing else has.
CREATE TEMP TABLE touched_package (package_id INTEGER PRIMARY KEY);
CREATE TEMP TABLE observer (
    package_id INTEGER NOT NULL, snapshot_id INTEGER NOT NULL, taken_at INTEGER NOT NULL,
    PRIMARY KEY (package_id, snapshot_id)) WITHOUT ROWID;
CREATE TEMP TABLE unobserved_package (package_id INTEGER PRIMARY KEY);
