-- The rest of the history in the stable SQL interface. Additions only; docs/dictionary.md describes every column.

CREATE VIEW v1_alias AS
SELECT r.name AS registry, p.stable_id AS package, a.name,
       strftime('%Y-%m-%dT%H:%M:%SZ', p.created_at, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.until, 'unixepoch') AS until
FROM alias a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id;

CREATE VIEW v1_attribute AS
SELECT r.name AS registry, p.stable_id AS package, a.name AS attribute, a.value,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.until, 'unixepoch') AS until
FROM attribute a JOIN package p ON p.package_id = a.package_id JOIN registry r ON r.registry_id = p.registry_id;

CREATE VIEW v1_library AS
SELECT r.name AS registry, p.stable_id AS package, l.library, l.kind,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.until, 'unixepoch') AS until
FROM package_library l JOIN package p ON p.package_id = l.package_id JOIN registry r ON r.registry_id = p.registry_id;

CREATE VIEW v1_lineage_edge AS
SELECT r.name AS registry, c.stable_id AS child,
       (SELECT a.name FROM alias a WHERE a.package_id = e.child_id AND a.since <= e.since
        ORDER BY a.since DESC LIMIT 1) AS child_name,
       p.stable_id AS parent, e.parent_name, e.relation,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.since, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.until, 'unixepoch') AS until
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
SELECT r.name AS registry, f.snapshot_id AS snapshot, s.date, f.gate, f.outcome, f.measured, f.rule
FROM finding f JOIN snapshot s ON s.snapshot_id = f.snapshot_id JOIN registry r ON r.registry_id = s.registry_id;

CREATE VIEW v1_reject AS
SELECT r.name AS registry, x.snapshot_id AS snapshot, s.date, x.reason, count(*) AS rejected
FROM reject x JOIN snapshot s ON s.snapshot_id = x.snapshot_id JOIN registry r ON r.registry_id = s.registry_id
GROUP BY r.name, x.snapshot_id, s.date, x.reason;
