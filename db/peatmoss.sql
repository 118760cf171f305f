-- One complete snapshot of the Hub's models in the tables of PeaTMOSS, so that queries for that data set run on the copy.
-- :hub and :url say which hub it is of. The store is attached as `store`. `left_out(text)` is 1 if a text names something that is redacted.
-- Tables for which a snapshot has no data (commits, discussions, reuse, architectures) are not created: an empty table would
-- state that there is none.
CREATE TEMP TABLE listed (id INTEGER PRIMARY KEY, name TEXT NOT NULL, sha TEXT, downloads INTEGER, likes INTEGER, at INTEGER);

INSERT INTO temp.listed
SELECT *
FROM (SELECT r.package_id,
             COALESCE((SELECT a.name FROM store.alias a WHERE a.package_id = r.package_id AND a.valid_from <= s.taken_at
                        AND (a.valid_to IS NULL OR a.valid_to > s.taken_at)), p.name) AS name,
             CASE WHEN p.seen_at = s.taken_at AND NOT left_out(p.sha) THEN p.sha END, r.downloads, r.likes, s.taken_at
      FROM store.snapshot s
      JOIN store.ranking r ON r.snapshot_id = s.snapshot_id
      JOIN store.package p ON p.package_id = r.package_id
      WHERE s.snapshot_id = :snapshot AND s.status = 'complete')
WHERE NOT left_out(name);

CREATE TEMP TABLE model_label (model_id INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL);

CREATE INDEX temp.model_label_model ON model_label (model_id, kind, name);

INSERT INTO temp.model_label
SELECT DISTINCT l.id, 'any', t.value
FROM temp.listed l
JOIN store.attribute a ON a.package_id = l.id AND a.name = 'tags' AND a.valid_from <= l.at AND (a.valid_to IS NULL OR a.valid_to > l.at),
     json_each(a.value) t
WHERE NOT left_out(t.value);

INSERT INTO temp.model_label SELECT model_id, 'license', substr(name, 9) FROM temp.model_label WHERE kind = 'any' AND name LIKE 'license:_%';

INSERT INTO temp.model_label SELECT model_id, 'dataset', substr(name, 9) FROM temp.model_label WHERE kind = 'any' AND name LIKE 'dataset:_%';

INSERT INTO temp.model_label
SELECT model_id, 'paper', 'https://arxiv.org/abs/' || substr(name, 7) FROM temp.model_label WHERE kind = 'any' AND name LIKE 'arxiv:_%';

INSERT INTO temp.model_label
SELECT l.id, 'author', substr(l.name, 1, instr(l.name, '/') - 1) FROM temp.listed l WHERE instr(l.name, '/') > 1;

INSERT INTO temp.model_label
SELECT DISTINCT l.id, 'library', b.library
FROM temp.listed l
JOIN store.package_library b ON b.package_id = l.id AND b.valid_from <= l.at AND (b.valid_to IS NULL OR b.valid_to > l.at)
WHERE NOT left_out(b.library);

-- The tags of a model are its labels without a prefix that are not libraries, and its task.
INSERT INTO temp.model_label
SELECT t.model_id, 'tag', t.name FROM temp.model_label t
WHERE t.kind = 'any' AND instr(t.name, ':') = 0
  AND NOT EXISTS (SELECT 1 FROM temp.model_label b WHERE b.model_id = t.model_id AND b.kind = 'library' AND b.name = t.name)
UNION
SELECT l.id, 'tag', a.value
FROM temp.listed l
JOIN store.attribute a ON a.package_id = l.id AND a.name = 'task' AND a.valid_from <= l.at AND (a.valid_to IS NULL OR a.valid_to > l.at)
WHERE a.value IS NOT NULL AND NOT left_out(a.value);

CREATE TEMP TABLE label AS
SELECT kind, name, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY name) AS id
FROM (SELECT DISTINCT kind, name FROM temp.model_label WHERE kind <> 'any');

CREATE INDEX temp.label_name ON label (kind, name);

CREATE TABLE model_hub (id INTEGER PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL);

INSERT INTO model_hub VALUES (1, :hub, :url);

CREATE TABLE model (
    id INTEGER PRIMARY KEY, context_id TEXT NOT NULL, model_hub_id INTEGER NOT NULL REFERENCES model_hub, sha TEXT,
    repo_url TEXT, downloads INTEGER, likes INTEGER, has_snapshot INTEGER NOT NULL, ptm_issues_id INTEGER,
    ptm_pull_requests_id INTEGER);

INSERT INTO model
SELECT id, name, 1, sha, 'https://huggingface.co/' || name, downloads, likes, 0, NULL, NULL FROM temp.listed ORDER BY id;

CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);

CREATE TABLE dataset (id INTEGER PRIMARY KEY, name TEXT NOT NULL);

CREATE TABLE library (id INTEGER PRIMARY KEY, name TEXT NOT NULL);

CREATE TABLE license (id INTEGER PRIMARY KEY, name TEXT NOT NULL);

CREATE TABLE paper (id INTEGER PRIMARY KEY, name TEXT NOT NULL);

CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT NOT NULL);

INSERT INTO author SELECT id, name FROM temp.label WHERE kind = 'author' ORDER BY id;

INSERT INTO dataset SELECT id, name FROM temp.label WHERE kind = 'dataset' ORDER BY id;

INSERT INTO library SELECT id, name FROM temp.label WHERE kind = 'library' ORDER BY id;

INSERT INTO license SELECT id, name FROM temp.label WHERE kind = 'license' ORDER BY id;

INSERT INTO paper SELECT id, name FROM temp.label WHERE kind = 'paper' ORDER BY id;

INSERT INTO tag SELECT id, name FROM temp.label WHERE kind = 'tag' ORDER BY id;

CREATE TABLE model_to_author (model_id INTEGER NOT NULL REFERENCES model, author_id INTEGER NOT NULL REFERENCES author);

CREATE TABLE model_to_dataset (model_id INTEGER NOT NULL REFERENCES model, dataset_id INTEGER NOT NULL REFERENCES dataset);

CREATE TABLE model_to_library (model_id INTEGER NOT NULL REFERENCES model, library_id INTEGER NOT NULL REFERENCES library);

CREATE TABLE model_to_license (model_id INTEGER NOT NULL REFERENCES model, license_id INTEGER NOT NULL REFERENCES license);

CREATE TABLE model_to_paper (model_id INTEGER NOT NULL REFERENCES model, paper_id INTEGER NOT NULL REFERENCES paper);

CREATE TABLE model_to_tag (model_id INTEGER NOT NULL REFERENCES model, tag_id INTEGER NOT NULL REFERENCES tag);

INSERT INTO model_to_author
SELECT s.model_id, w.id FROM temp.model_label s JOIN temp.label w USING (kind, name) WHERE kind = 'author' ORDER BY 1, 2;

INSERT INTO model_to_dataset
SELECT s.model_id, w.id FROM temp.model_label s JOIN temp.label w USING (kind, name) WHERE kind = 'dataset' ORDER BY 1, 2;

INSERT INTO model_to_library
SELECT s.model_id, w.id FROM temp.model_label s JOIN temp.label w USING (kind, name) WHERE kind = 'library' ORDER BY 1, 2;

INSERT INTO model_to_license
SELECT s.model_id, w.id FROM temp.model_label s JOIN temp.label w USING (kind, name) WHERE kind = 'license' ORDER BY 1, 2;

INSERT INTO model_to_paper
SELECT s.model_id, w.id FROM temp.model_label s JOIN temp.label w USING (kind, name) WHERE kind = 'paper' ORDER BY 1, 2;

INSERT INTO model_to_tag
SELECT s.model_id, w.id FROM temp.model_label s JOIN temp.label w USING (kind, name) WHERE kind = 'tag' ORDER BY 1, 2;

CREATE TABLE model_to_base_model (
    model_id INTEGER NOT NULL REFERENCES model, base_model_id INTEGER REFERENCES model, base_model_name TEXT NOT NULL);

-- `base_model_id` is NULL if the snapshot does not list the base model.
INSERT INTO model_to_base_model
SELECT DISTINCT l.id, b.id, e.parent_name
FROM temp.listed l
JOIN store.lineage_edge e ON e.child_id = l.id AND e.valid_from <= l.at AND (e.valid_to IS NULL OR e.valid_to > l.at)
LEFT JOIN temp.listed b ON b.id = e.parent_id
WHERE NOT left_out(e.parent_name)
ORDER BY 1, 3;

CREATE INDEX model_context ON model (context_id);

CREATE INDEX model_to_tag_model ON model_to_tag (model_id);

CREATE INDEX model_to_library_model ON model_to_library (model_id);

CREATE INDEX model_to_base_model_name ON model_to_base_model (base_model_name);
