-- A redaction covers every spelling of a name: texts that quote one are found by pattern, and scores by the package of their card.

CREATE TABLE redacted_pattern (
    pattern TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Until the next command that writes has computed the patterns, those of the names that are redacted already.
INSERT INTO redacted_pattern
SELECT DISTINCT '*' || replace(replace(lower(name), '_', '-'), '.', '-') || '*' FROM redacted_name
WHERE name NOT GLOB '*[*?[]*';

DROP VIEW v1_score;

CREATE VIEW v1_score AS
SELECT DISTINCT g.name AS registry, c.blob, s.scorer, s.version, s.item, s.state, s.agreement, s.evidence_start,
       s.evidence_end, s.reason, strftime('%Y-%m-%dT%H:%M:%SZ', s.scored_at, 'unixepoch') AS scored_at
FROM score s JOIN card c ON c.card_id = s.card_id JOIN card_revision v ON v.card_id = c.card_id
JOIN package p ON p.package_id = v.package_id JOIN registry g ON g.registry_id = p.registry_id
WHERE p.stable_id NOT IN (SELECT name FROM redacted_name);
