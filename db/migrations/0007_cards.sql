-- What packages say of themselves: each text once, by its git blob hash; who had which, from when to when; how it was read.

CREATE TABLE card_dictionary (            -- what cards have in common, so that each is stored small
    dictionary_id INTEGER PRIMARY KEY,
    content       BLOB NOT NULL,
    cards         INTEGER NOT NULL,       -- how many it was trained on
    made_at       INTEGER NOT NULL
) STRICT;

CREATE TABLE card_collection (            -- one look at many cards: a crawl, or an imported file
    collection_id INTEGER PRIMARY KEY,
    registry_id   INTEGER NOT NULL REFERENCES registry,
    origin        TEXT NOT NULL CHECK (origin IN ('crawl', 'import')),
    source        TEXT NOT NULL,          -- the endpoint asked, or the file's name
    file_sha256   TEXT,
    taken_at      INTEGER NOT NULL,       -- the instant it shows
    started_at    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX card_collection_file ON card_collection (registry_id, taken_at, file_sha256)
    WHERE file_sha256 IS NOT NULL;

CREATE TABLE card (
    card_id       INTEGER PRIMARY KEY,
    blob          TEXT NOT NULL UNIQUE CHECK (length(blob) = 40),  -- sha1 of the whole file as git has it
    size          INTEGER NOT NULL,       -- bytes of the whole file
    truncated     INTEGER NOT NULL CHECK (truncated IN (0, 1)),    -- only its beginning is kept
    redacted      INTEGER NOT NULL CHECK (redacted IN (0, 1)),     -- addresses of people were taken out
    front         TEXT NOT NULL CHECK (front IN ('none', 'read', 'refused', 'broken')),  -- its front matter
    dictionary_id INTEGER REFERENCES card_dictionary,
    content       BLOB NOT NULL           -- zstd
) STRICT;

CREATE TABLE card_field (                 -- which fields its front matter gives a value to
    card_id INTEGER NOT NULL REFERENCES card,
    field   TEXT NOT NULL,
    PRIMARY KEY (card_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE card_revision (              -- a package's card from one instant to another
    package_id    INTEGER NOT NULL REFERENCES package,
    since         INTEGER NOT NULL,
    until         INTEGER,
    state         TEXT NOT NULL CHECK (state IN ('card', 'none', 'gated', 'missing', 'huge', 'elsewhere')),
    card_id       INTEGER REFERENCES card,
    sha           TEXT,                   -- the commit it was first seen at
    looked_sha    TEXT,                   -- the newest commit that was looked at, and still had it
    looked_at     INTEGER NOT NULL,       -- the instant of that commit
    fetched_at    INTEGER NOT NULL,
    collection_id INTEGER NOT NULL REFERENCES card_collection,
    note          TEXT NOT NULL,
    PRIMARY KEY (package_id, since),
    CHECK ((state = 'card') = (card_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX card_revision_card ON card_revision (card_id);

CREATE TABLE score (                      -- one reading of one question in one card
    card_id        INTEGER NOT NULL REFERENCES card,
    scorer         TEXT NOT NULL,         -- rules, openai
    version        TEXT NOT NULL,         -- of the rules; or prompt, its hash and the model
    item           TEXT NOT NULL
                   CHECK (item IN ('description', 'limitations', 'how_to_use', 'training', 'evaluation')),
    state          TEXT NOT NULL CHECK (state IN ('yes', 'no', 'invalid', 'refused', 'over_budget', 'error')),
    agreement      REAL CHECK (agreement BETWEEN 0 AND 1),
    evidence_start INTEGER,               -- the passage, as characters of the text; never the text itself
    evidence_end   INTEGER,
    reason         TEXT NOT NULL,
    scored_at      INTEGER NOT NULL,
    PRIMARY KEY (card_id, scorer, version, item)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER card_kept BEFORE DELETE ON card
BEGIN SELECT RAISE(ABORT, 'cards are kept'); END;
CREATE TRIGGER card_same BEFORE UPDATE OF blob, size, truncated, redacted ON card
BEGIN SELECT RAISE(ABORT, 'a card is never changed; another text is another card'); END;
CREATE TRIGGER card_dictionary_kept BEFORE DELETE ON card_dictionary
BEGIN SELECT RAISE(ABORT, 'the cards cannot be read without it'); END;
CREATE TRIGGER card_dictionary_same BEFORE UPDATE ON card_dictionary
BEGIN SELECT RAISE(ABORT, 'the cards cannot be read without it'); END;

CREATE VIEW v1_card AS
SELECT g.name AS registry, p.stable_id AS package, p.name, v.state, c.blob, c.size, c.truncated, c.redacted, c.front,
       v.sha, strftime('%Y-%m-%dT%H:%M:%SZ', v.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', v.until, 'unixepoch') AS until, v.note
FROM card_revision v JOIN package p ON p.package_id = v.package_id JOIN registry g ON g.registry_id = p.registry_id
LEFT JOIN card c ON c.card_id = v.card_id;

CREATE VIEW v1_score AS
SELECT DISTINCT g.name AS registry, c.blob, s.scorer, s.version, s.item, s.state, s.agreement, s.evidence_start,
       s.evidence_end, s.reason, strftime('%Y-%m-%dT%H:%M:%SZ', s.scored_at, 'unixepoch') AS scored_at
FROM score s JOIN card c ON c.card_id = s.card_id JOIN card_revision v ON v.card_id = c.card_id
JOIN package p ON p.package_id = v.package_id JOIN registry g ON g.registry_id = p.registry_id;
