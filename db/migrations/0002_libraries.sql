-- The libraries of a package, as a set: what it says it is used with, and what its files and logs are.

CREATE TABLE package_library (
    package_id INTEGER NOT NULL REFERENCES package,
    library    TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('library', 'format', 'tracker')),
    since      INTEGER NOT NULL,
    until      INTEGER,
    PRIMARY KEY (package_id, library, since)
) STRICT, WITHOUT ROWID;
