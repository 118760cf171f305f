-- What is to be left out, on request, of every stable view and every export. The store keeps its rows.

CREATE TABLE redaction (
    kind  TEXT NOT NULL CHECK (kind IN ('package', 'name', 'author')),  -- a stable id, any name it ever had, all of an author's
    value TEXT NOT NULL CHECK (value <> ''),
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE redacted (                   -- every id and name that these are of, as far as they were seen
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
