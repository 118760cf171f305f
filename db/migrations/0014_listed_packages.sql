-- A package of a ranking is found by its name or stable id without reading the ranking. The indexes leave out the packages that
-- only a census has, so they stay small. `v1_ranking` has the same columns and rows as before.

ALTER TABLE package ADD COLUMN is_listed INTEGER NOT NULL DEFAULT 0 CHECK (is_listed IN (0, 1));
UPDATE package SET is_listed = 1 WHERE package_id IN (SELECT package_id FROM ranking);
CREATE INDEX package_listed_name ON package (name) WHERE is_listed = 1;
CREATE INDEX package_listed_stable_id ON package (stable_id) WHERE is_listed = 1;
CREATE INDEX quality_event_package ON quality_event (package_id) WHERE package_id IS NOT NULL;

CREATE TRIGGER ranking_lists_package AFTER INSERT ON ranking
WHEN (SELECT is_listed FROM package WHERE package_id = NEW.package_id) = 0
BEGIN UPDATE package SET is_listed = 1 WHERE package_id = NEW.package_id; END;

-- The first part has the packages with one name, the second part those with more. So each part has a column with an index.
DROP VIEW v1_ranking;
CREATE VIEW v1_ranking AS
SELECT r.name AS registry, s.snapshot_id AS snapshot, s.date, k.rank, p.stable_id AS package, p.name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos,
       strftime('%Y-%m-%dT%H:%M:%SZ', k.synced_at, 'unixepoch') AS synced_at, s.ordered_by AS "by"
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id AND s.status = 'complete'
JOIN registry r ON r.registry_id = s.registry_id JOIN package p ON p.package_id = k.package_id AND p.is_listed = 1
WHERE p.package_id NOT IN (SELECT package_id FROM name_history)
UNION ALL
SELECT r.name, s.snapshot_id, s.date, k.rank, p.stable_id, n.name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos,
       strftime('%Y-%m-%dT%H:%M:%SZ', k.synced_at, 'unixepoch'), s.ordered_by
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id AND s.status = 'complete'
JOIN registry r ON r.registry_id = s.registry_id JOIN package p ON p.package_id = k.package_id AND p.is_listed = 1
LEFT JOIN name_history n ON n.package_id = p.package_id AND n.valid_from = (
    SELECT max(o.valid_from) FROM name_history o
    WHERE o.package_id = p.package_id AND o.valid_from <= s.taken_at - p.first_seen_at)
WHERE p.package_id IN (SELECT package_id FROM name_history);
