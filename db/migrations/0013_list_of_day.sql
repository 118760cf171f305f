-- Lists of one series and one day are not compared with each other: one of them stands for the day at each K.

CREATE VIEW list_of_day AS
-- For each series, K and UTC day: of the complete lists at least K deep, the list that was stored first.
SELECT s.registry_id, s.ordered_by, s.counter, d.k, s.date, s.taken_at, s.snapshot_id
FROM snapshot s JOIN ranking_depth d ON d.k <= s.depth
WHERE s.status = 'complete' AND NOT EXISTS (
    SELECT 1 FROM snapshot f
    WHERE f.registry_id = s.registry_id AND f.ordered_by = s.ordered_by AND f.counter = s.counter
      AND f.taken_at >= s.taken_at - s.taken_at % 86400 AND f.taken_at < s.taken_at - s.taken_at % 86400 + 86400
      AND f.status = 'complete' AND f.depth >= d.k AND f.snapshot_id < s.snapshot_id);

CREATE VIEW previous_list AS
-- The list that a complete list is compared with at each K: of an earlier day's list of the day, the newest that is at least
-- 20 hours older. A day less four hours: a daily list may start early.
SELECT c.snapshot_id, c.k, c.previous_snapshot_id
FROM (
    SELECT t.snapshot_id, l.k, l.snapshot_id AS previous_snapshot_id,
           ROW_NUMBER() OVER (PARTITION BY t.snapshot_id, l.k ORDER BY l.taken_at DESC) AS nearness
    FROM snapshot t
    JOIN list_of_day l ON l.registry_id = t.registry_id AND l.ordered_by = t.ordered_by AND l.counter = t.counter
     AND l.k <= t.depth AND l.date < t.date AND l.taken_at <= t.taken_at - 72000
    WHERE t.status = 'complete') c
WHERE c.nearness = 1;

-- A package is a member of a top K by the lists of the day only.
DELETE FROM top_k_membership;
INSERT INTO top_k_membership (registry_id, ordered_by, counter, k, package_id, first_at, last_at)
SELECT l.registry_id, l.ordered_by, l.counter, l.k, r.package_id, min(l.taken_at), max(l.taken_at)
FROM list_of_day l JOIN ranking r ON r.snapshot_id = l.snapshot_id AND r.rank <= l.k
GROUP BY l.registry_id, l.ordered_by, l.counter, l.k, r.package_id;
