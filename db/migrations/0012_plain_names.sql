-- Tables and columns get the names that the field uses. No value changes. The v1_ views keep their columns and their rows.
-- `registry.service` loses its CHECK: a new service needs no migration.

-- Views and triggers name the old columns. They are created again at the end.
DROP VIEW v1_snapshot;
DROP VIEW v1_ranking;
DROP VIEW v1_look;
DROP VIEW v1_absence;
DROP VIEW v1_tick;
DROP VIEW v1_card;
DROP VIEW v1_score;
DROP VIEW v1_alias;
DROP VIEW v1_attribute;
DROP VIEW v1_library;
DROP VIEW v1_lineage_edge;
DROP VIEW v1_result;
DROP VIEW v1_quality_event;
DROP VIEW v1_finding;
DROP VIEW v1_reject;
DROP VIEW alias;
DROP VIEW attribute;
DROP VIEW package_library;
DROP VIEW lineage_edge;
DROP TRIGGER snapshot_begins_open;
DROP TRIGGER snapshot_begins_once;
DROP TRIGGER snapshot_ended;
DROP TRIGGER snapshot_kept;
DROP TRIGGER snapshot_by_its_gate;
DROP TRIGGER page_added;
DROP TRIGGER page_changed;
DROP TRIGGER page_removed;
DROP TRIGGER ranking_added;
DROP TRIGGER ranking_changed;
DROP TRIGGER ranking_removed;
DROP TRIGGER finding_added;
DROP TRIGGER finding_changed;
DROP TRIGGER finding_removed;
DROP TRIGGER reject_added;
DROP TRIGGER reject_changed;
DROP TRIGGER reject_removed;
DROP TRIGGER census_page_added;
DROP TRIGGER census_added;
DROP TRIGGER census_changed;
DROP TRIGGER census_removed;
DROP TRIGGER observation_block_added;
DROP TRIGGER observation_block_changed;
DROP TRIGGER observation_block_removed;
DROP TRIGGER absence_decided;
DROP TRIGGER look_ended;
DROP TRIGGER look_page_added;
DROP TRIGGER look_page_changed;
DROP TRIGGER tick_kept;
DROP TRIGGER tick_ended;
DROP TRIGGER card_kept;
DROP TRIGGER card_same;
DROP TRIGGER card_dictionary_kept;
DROP TRIGGER card_dictionary_same;

-- Renaming changes the schema alone, and no row: it takes no time, however large the store is.
ALTER TABLE finding RENAME TO gate_result;
ALTER TABLE presence RENAME TO field_coverage;
ALTER TABLE depth RENAME TO ranking_depth;
ALTER TABLE membership RENAME TO top_k_membership;
ALTER TABLE redacted RENAME TO redacted_name;

ALTER TABLE snapshot RENAME COLUMN evidence TO date_evidence;
ALTER TABLE snapshot RENAME COLUMN value_after TO next_value;
ALTER TABLE observation_block RENAME COLUMN whole TO is_keyframe;
ALTER TABLE package RENAME COLUMN known_at TO first_seen_at;
ALTER TABLE tick RENAME COLUMN said TO last_line;

ALTER TABLE naming RENAME TO name_history;
ALTER TABLE name_history RENAME COLUMN since TO valid_from;
ALTER TABLE name_history RENAME COLUMN until TO valid_to;

ALTER TABLE word RENAME TO term;
ALTER TABLE term RENAME COLUMN word_id TO term_id;

ALTER TABLE package_attribute RENAME COLUMN word_id TO term_id;
ALTER TABLE package_attribute RENAME COLUMN since TO valid_from;
ALTER TABLE package_attribute RENAME COLUMN until TO valid_to;

ALTER TABLE package_use RENAME TO package_library_interval;
ALTER TABLE package_library_interval RENAME COLUMN word_id TO term_id;
ALTER TABLE package_library_interval RENAME COLUMN since TO valid_from;
ALTER TABLE package_library_interval RENAME COLUMN until TO valid_to;

ALTER TABLE edge RENAME COLUMN since TO valid_from;
ALTER TABLE edge RENAME COLUMN until TO valid_to;

ALTER TABLE card_revision RENAME COLUMN since TO valid_from;
ALTER TABLE card_revision RENAME COLUMN until TO valid_to;
ALTER TABLE card_revision RENAME COLUMN looked_sha TO checked_sha;
ALTER TABLE card_revision RENAME COLUMN looked_at TO checked_at;

ALTER TABLE look RENAME TO change_crawl;
ALTER TABLE change_crawl RENAME COLUMN look_id TO change_crawl_id;

ALTER TABLE look_page RENAME TO change_crawl_page;
ALTER TABLE change_crawl_page RENAME COLUMN look_id TO change_crawl_id;
ALTER TABLE change_crawl_page RENAME COLUMN known TO unchanged;

ALTER TABLE feed RENAME TO change_cursor;
ALTER TABLE change_cursor RENAME COLUMN mark TO high_water_mark;
ALTER TABLE change_cursor RENAME COLUMN ceiling TO upper_bound;
ALTER TABLE change_cursor RENAME COLUMN continue_at TO resume_url;
ALTER TABLE change_cursor RENAME COLUMN look_id TO change_crawl_id;

ALTER TABLE absence RENAME TO missing_package;
ALTER TABLE missing_package RENAME COLUMN missed_at TO missing_since;

-- An index cannot be renamed.
DROP INDEX membership_first;
CREATE INDEX top_k_membership_first ON top_k_membership (registry_id, ordered_by, counter, k, first_at);
DROP INDEX naming_name;
CREATE INDEX name_history_name ON name_history (name);
DROP INDEX word_hash;
CREATE INDEX term_hash ON term (hash);
DROP INDEX absence_undecided;
CREATE INDEX missing_package_pending ON missing_package (last_probe) WHERE state = 'unknown';

-- A CHECK cannot be dropped either: the table is created again without it. Other tables refer to it by its name.
CREATE TABLE registry_new (
    registry_id  INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    service      TEXT NOT NULL,
    service_name TEXT
) STRICT;
INSERT INTO registry_new (registry_id, name, service, service_name)
SELECT registry_id, name, service, service_name FROM registry ORDER BY registry_id;
DROP TABLE registry;
ALTER TABLE registry_new RENAME TO registry;

-- Views for the program itself: intervals as absolute times.
CREATE VIEW alias AS                      -- every name that a package has had
SELECT p.package_id, coalesce(n.name, p.name) AS name, p.first_seen_at + coalesce(n.valid_from, 0) AS valid_from,
       p.first_seen_at + n.valid_to AS valid_to
FROM package p LEFT JOIN name_history n ON n.package_id = p.package_id;

CREATE VIEW attribute AS                  -- task, licence, gated, …
SELECT a.package_id, t.kind AS name, t.text AS value, p.first_seen_at + a.valid_from AS valid_from,
       p.first_seen_at + a.valid_to AS valid_to
FROM package_attribute a CROSS JOIN term t ON t.term_id = a.term_id CROSS JOIN package p ON p.package_id = a.package_id;

CREATE VIEW package_library AS            -- libraries, file formats and trackers
SELECT i.package_id, t.text AS library, t.kind, p.first_seen_at + i.valid_from AS valid_from,
       p.first_seen_at + i.valid_to AS valid_to
FROM package_library_interval i CROSS JOIN term t ON t.term_id = i.term_id
CROSS JOIN package p ON p.package_id = i.package_id;

CREATE VIEW lineage_edge AS               -- parent_id is NULL while no known package has the parent's name
SELECT e.child_id, CASE typeof(e.parent) WHEN 'integer' THEN e.parent END AS parent_id,
       coalesce(nullif(e.parent_name, ''), p.name, substr(e.parent, 6)) AS parent_name,
       CASE e.relation WHEN 0 THEN 'finetune' WHEN 1 THEN 'adapter' WHEN 2 THEN 'merge' WHEN 3 THEN 'quantized'
                       ELSE 'unstated' END AS relation,
       c.first_seen_at + e.valid_from AS valid_from, c.first_seen_at + e.valid_to AS valid_to
FROM edge e CROSS JOIN package c ON c.package_id = e.child_id LEFT JOIN package p ON p.package_id = e.parent;

-- A snapshot begins open and ends once. Only its gate makes it complete.
CREATE TRIGGER snapshot_begins_open BEFORE INSERT ON snapshot WHEN NEW.status <> 'open'
BEGIN SELECT RAISE(ABORT, 'a new snapshot must be open'); END;
CREATE TRIGGER snapshot_begins_once BEFORE INSERT ON snapshot
WHEN EXISTS (SELECT 1 FROM snapshot s WHERE s.snapshot_id = NEW.snapshot_id)
BEGIN SELECT RAISE(ABORT, 'this snapshot exists already and cannot be replaced'); END;
CREATE TRIGGER snapshot_ended BEFORE UPDATE ON snapshot WHEN OLD.status <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and cannot be changed; take a new snapshot'); END;
CREATE TRIGGER snapshot_kept BEFORE DELETE ON snapshot
BEGIN SELECT RAISE(ABORT, 'snapshots cannot be deleted'); END;
CREATE TRIGGER snapshot_by_its_gate BEFORE UPDATE OF status ON snapshot WHEN NEW.status = 'complete'
BEGIN
    SELECT RAISE(ABORT, 'a snapshot is complete only if a rule of the gate passed and no rule failed')
    WHERE NOT EXISTS (SELECT 1 FROM gate_result g WHERE g.snapshot_id = NEW.snapshot_id AND g.outcome = 'pass')
       OR EXISTS (SELECT 1 FROM gate_result g WHERE g.snapshot_id = NEW.snapshot_id AND g.outcome = 'fail');
END;

CREATE TRIGGER page_added BEFORE INSERT ON page
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more pages'); END;
CREATE TRIGGER page_changed BEFORE UPDATE ON page
BEGIN SELECT RAISE(ABORT, 'pages cannot be changed'); END;
CREATE TRIGGER page_removed BEFORE DELETE ON page
BEGIN SELECT RAISE(ABORT, 'pages cannot be deleted'); END;

CREATE TRIGGER ranking_added BEFORE INSERT ON ranking
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more rows'); END;
CREATE TRIGGER ranking_changed BEFORE UPDATE ON ranking
WHEN EXISTS (SELECT 1 FROM snapshot WHERE snapshot_id IN (OLD.snapshot_id, NEW.snapshot_id) AND status <> 'open')
BEGIN SELECT RAISE(ABORT, 'observations of an ended snapshot cannot be changed; take a new snapshot'); END;
CREATE TRIGGER ranking_removed BEFORE DELETE ON ranking
BEGIN SELECT RAISE(ABORT, 'observations cannot be deleted'); END;

CREATE TRIGGER gate_result_added BEFORE INSERT ON gate_result
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more gate results'); END;
CREATE TRIGGER gate_result_changed BEFORE UPDATE ON gate_result
BEGIN SELECT RAISE(ABORT, 'gate results cannot be changed'); END;
CREATE TRIGGER gate_result_removed BEFORE DELETE ON gate_result
BEGIN SELECT RAISE(ABORT, 'gate results cannot be deleted'); END;

CREATE TRIGGER reject_added BEFORE INSERT ON reject
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more rows'); END;
CREATE TRIGGER reject_changed BEFORE UPDATE ON reject
BEGIN SELECT RAISE(ABORT, 'rejects cannot be changed'); END;
CREATE TRIGGER reject_removed BEFORE DELETE ON reject
BEGIN SELECT RAISE(ABORT, 'rejects cannot be deleted'); END;

CREATE TRIGGER census_page_added BEFORE INSERT ON census_page
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more pages'); END;
CREATE TRIGGER census_added BEFORE INSERT ON census
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and cannot be changed'); END;
CREATE TRIGGER census_changed BEFORE UPDATE ON census
BEGIN SELECT RAISE(ABORT, 'a census cannot be changed'); END;
CREATE TRIGGER census_removed BEFORE DELETE ON census
BEGIN SELECT RAISE(ABORT, 'a census cannot be deleted'); END;

CREATE TRIGGER observation_block_added BEFORE INSERT ON observation_block
WHEN (SELECT status FROM snapshot WHERE snapshot_id = NEW.snapshot_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this snapshot has ended and accepts no more observations'); END;
CREATE TRIGGER observation_block_changed BEFORE UPDATE ON observation_block
BEGIN SELECT RAISE(ABORT, 'observations of a census cannot be changed'); END;
CREATE TRIGGER observation_block_removed BEFORE DELETE ON observation_block
BEGIN SELECT RAISE(ABORT, 'observations cannot be deleted'); END;

CREATE TRIGGER missing_package_decided BEFORE UPDATE ON missing_package WHEN OLD.state <> 'unknown'
BEGIN SELECT RAISE(ABORT, 'this case is closed'); END;

CREATE TRIGGER change_crawl_ended BEFORE UPDATE ON change_crawl WHEN OLD.status <> 'open'
BEGIN SELECT RAISE(ABORT, 'this crawl of changes has ended'); END;
CREATE TRIGGER change_crawl_page_added BEFORE INSERT ON change_crawl_page
WHEN (SELECT status FROM change_crawl WHERE change_crawl_id = NEW.change_crawl_id) <> 'open'
BEGIN SELECT RAISE(ABORT, 'this crawl of changes has ended and accepts no more pages'); END;
CREATE TRIGGER change_crawl_page_changed BEFORE UPDATE ON change_crawl_page
BEGIN SELECT RAISE(ABORT, 'pages cannot be changed'); END;

CREATE TRIGGER tick_kept BEFORE DELETE ON tick
BEGIN SELECT RAISE(ABORT, 'ticks cannot be deleted'); END;
CREATE TRIGGER tick_ended BEFORE UPDATE ON tick WHEN OLD.outcome IN ('known', 'done') AND NEW.outcome <> OLD.outcome
BEGIN SELECT RAISE(ABORT, 'the outcome of this tick is final'); END;

CREATE TRIGGER card_kept BEFORE DELETE ON card
BEGIN SELECT RAISE(ABORT, 'cards cannot be deleted'); END;
CREATE TRIGGER card_same BEFORE UPDATE OF blob, size, truncated, redacted ON card
BEGIN SELECT RAISE(ABORT, 'a card cannot be changed; another text is another card'); END;
CREATE TRIGGER card_dictionary_kept BEFORE DELETE ON card_dictionary
BEGIN SELECT RAISE(ABORT, 'cards cannot be read without their dictionary'); END;
CREATE TRIGGER card_dictionary_same BEFORE UPDATE ON card_dictionary
BEGIN SELECT RAISE(ABORT, 'cards cannot be read without their dictionary'); END;

-- The stable SQL interface: the same columns and the same rows as before.
CREATE VIEW v1_snapshot AS
SELECT s.snapshot_id AS snapshot, r.name AS registry, s.kind, s.k, s.ordered_by AS "by", s.counter, s.date,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.taken_at, 'unixepoch') AS taken_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.ended_at, 'unixepoch') AS ended_at,
       s.status, s.reason, s.origin, s.source, s.date_evidence AS evidence, s.depth, s.digest,
       (SELECT count(*) FROM page p WHERE p.snapshot_id = s.snapshot_id) AS pages,
       (SELECT coalesce(sum(p.duplicates), 0) FROM page p WHERE p.snapshot_id = s.snapshot_id) AS duplicates,
       (SELECT count(*) FROM reject x WHERE x.snapshot_id = s.snapshot_id) AS rejected
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id;

CREATE VIEW v1_ranking AS
SELECT r.name AS registry, s.snapshot_id AS snapshot, s.date, k.rank, p.stable_id AS package,
       (SELECT a.name FROM alias a WHERE a.package_id = k.package_id AND a.valid_from <= s.taken_at
        ORDER BY a.valid_from DESC LIMIT 1) AS name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos,
       strftime('%Y-%m-%dT%H:%M:%SZ', k.synced_at, 'unixepoch') AS synced_at, s.ordered_by AS "by"
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id AND s.status = 'complete'
JOIN registry r ON r.registry_id = s.registry_id JOIN package p ON p.package_id = k.package_id;

CREATE VIEW v1_look AS
SELECT c.change_crawl_id AS look, r.name AS registry, c.source,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.ended_at, 'unixepoch') AS ended_at, c.status, c.reason,
       (SELECT count(*) FROM change_crawl_page p WHERE p.change_crawl_id = c.change_crawl_id) AS requests,
       (SELECT coalesce(sum(p.new), 0) FROM change_crawl_page p WHERE p.change_crawl_id = c.change_crawl_id) AS new,
       (SELECT coalesce(sum(p.edited), 0) FROM change_crawl_page p
        WHERE p.change_crawl_id = c.change_crawl_id) AS edited,
       (SELECT coalesce(sum(p.duplicates), 0) FROM change_crawl_page p
        WHERE p.change_crawl_id = c.change_crawl_id) AS duplicates
FROM change_crawl c JOIN registry r ON r.registry_id = c.registry_id;

CREATE VIEW v1_absence AS
SELECT r.name AS registry, p.stable_id AS package, m.name,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.last_seen, 'unixepoch') AS last_seen,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.missing_since, 'unixepoch') AS missed_at, m.state, m.probes,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.first_probe, 'unixepoch') AS first_probe,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.last_probe, 'unixepoch') AS last_probe, m.successor,
       strftime('%Y-%m-%dT%H:%M:%SZ', m.decided_at, 'unixepoch') AS decided_at
FROM missing_package m JOIN package p ON p.package_id = m.package_id JOIN registry r ON r.registry_id = p.registry_id;

CREATE VIEW v1_tick AS
SELECT schedule, strftime('%Y-%m-%dT%H:%M:%SZ', due_at, 'unixepoch') AS due_at, outcome, reason, cause, command,
       strftime('%Y-%m-%dT%H:%M:%SZ', started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', ended_at, 'unixepoch') AS ended_at, exit_code, attempts
FROM tick WHERE outcome <> 'known';

CREATE VIEW v1_card AS
SELECT g.name AS registry, p.stable_id AS package, p.name, v.state, c.blob, c.size, c.truncated, c.redacted, c.front,
       v.sha, strftime('%Y-%m-%dT%H:%M:%SZ', v.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', v.valid_to, 'unixepoch') AS until, v.note
FROM card_revision v JOIN package p ON p.package_id = v.package_id JOIN registry g ON g.registry_id = p.registry_id
LEFT JOIN card c ON c.card_id = v.card_id;

CREATE VIEW v1_score AS
SELECT DISTINCT g.name AS registry, c.blob, s.scorer, s.version, s.item, s.state, s.agreement, s.evidence_start,
       s.evidence_end, s.reason, strftime('%Y-%m-%dT%H:%M:%SZ', s.scored_at, 'unixepoch') AS scored_at
FROM score s JOIN card c ON c.card_id = s.card_id JOIN card_revision v ON v.card_id = c.card_id
JOIN package p ON p.package_id = v.package_id JOIN registry g ON g.registry_id = p.registry_id;

CREATE VIEW v1_alias AS
SELECT r.name AS registry, p.stable_id AS package, a.name,
       strftime('%Y-%m-%dT%H:%M:%SZ', p.created_at, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.valid_to, 'unixepoch') AS until
FROM alias a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id;

CREATE VIEW v1_attribute AS
SELECT r.name AS registry, p.stable_id AS package, a.name AS attribute, a.value,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.valid_to, 'unixepoch') AS until
FROM attribute a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id;

CREATE VIEW v1_library AS
SELECT r.name AS registry, p.stable_id AS package, l.library, l.kind,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.valid_to, 'unixepoch') AS until
FROM package_library l JOIN package p ON p.package_id = l.package_id JOIN registry r ON r.registry_id = p.registry_id;

CREATE VIEW v1_lineage_edge AS
SELECT r.name AS registry, c.stable_id AS child,
       (SELECT a.name FROM alias a WHERE a.package_id = e.child_id AND a.valid_from <= e.valid_from
        ORDER BY a.valid_from DESC LIMIT 1) AS child_name,
       p.stable_id AS parent, e.parent_name, e.relation,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.valid_from, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.valid_to, 'unixepoch') AS until
FROM lineage_edge e JOIN package c ON c.package_id = e.child_id JOIN registry r ON r.registry_id = c.registry_id
LEFT JOIN package p ON p.package_id = e.parent_id;

CREATE VIEW v1_result AS
SELECT r.name AS registry, t.snapshot_id AS snapshot, s.date, t.metric, t.version, t.name, t.k,
       t.previous_snapshot_id AS previous_snapshot, t.value, t.low, t.high, t.n, t.note
FROM result t JOIN snapshot s ON s.snapshot_id = t.snapshot_id JOIN registry r ON r.registry_id = s.registry_id;

CREATE VIEW v1_quality_event AS
SELECT r.name AS registry, e.snapshot_id AS snapshot, s.date, p.stable_id AS package, e.kind, e.severity, e.before,
       e.after, e.evidence, strftime('%Y-%m-%dT%H:%M:%SZ', e.noted_at, 'unixepoch') AS noted_at
FROM quality_event e JOIN registry r ON r.registry_id = e.registry_id
LEFT JOIN snapshot s ON s.snapshot_id = e.snapshot_id LEFT JOIN package p ON p.package_id = e.package_id;

CREATE VIEW v1_finding AS
SELECT r.name AS registry, g.snapshot_id AS snapshot, s.date, g.gate, g.outcome, g.measured, g.rule
FROM gate_result g JOIN snapshot s ON s.snapshot_id = g.snapshot_id JOIN registry r ON r.registry_id = s.registry_id;

CREATE VIEW v1_reject AS
SELECT r.name AS registry, x.snapshot_id AS snapshot, s.date, x.reason, count(*) AS rejected
FROM reject x JOIN snapshot s ON s.snapshot_id = x.snapshot_id JOIN registry r ON r.registry_id = s.registry_id
GROUP BY r.name, x.snapshot_id, s.date, x.reason;
