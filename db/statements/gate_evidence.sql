-- The facts about one snapshot that the gate judges. A page is short if it has a next page, and fewer rows than were requested
-- and than another page has. `compared` counts the pairs of neighbours whose order can be judged.
WITH pages AS (SELECT * FROM page WHERE snapshot_id = :snapshot AND role <> 'probe'),
listing AS (SELECT * FROM pages WHERE role IN ('ranking', 'file')),
requests AS (SELECT received, next_url, replace(replace(replace(url, '?', '&'), '&per_page=', '&limit='), '#', '&') AS url FROM listing),
sizes AS (SELECT received, next_url, CASE WHEN instr(url, '&limit=') THEN CAST(substr(url, instr(url, '&limit=') + 7) AS INTEGER)
                 END AS requested FROM requests),
values_in_order AS (
    SELECT k.rank, k.page, coalesce(CASE s.ordered_by WHEN 'downloads' THEN k.downloads WHEN 'likes' THEN k.likes
           WHEN 'dependents' THEN k.dependents ELSE k.trending END, -1) AS value
    FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id WHERE k.snapshot_id = :snapshot),
steps AS (SELECT value, lag(value) OVER (ORDER BY rank) AS above FROM values_in_order)
SELECT s.snapshot_id, r.name AS registry, s.origin, s.kind, s.k, s.ordered_by, s.counter, s.started_at, s.taken_at, s.settings,
       (SELECT count(*) FROM values_in_order) AS listed,
       (SELECT count(*) FROM values_in_order v WHERE v.value >= 0
         OR v.page IN (SELECT number FROM pages WHERE role = 'counters')) AS with_counters,
       (SELECT count(*) FROM steps WHERE value > above) AS disorder,
       (SELECT count(*) FROM steps WHERE value >= 0 AND above >= 0) AS compared,
       (SELECT count(*) FROM pages) AS pages,
       (SELECT count(*) FROM pages WHERE status <> 200) AS not_ok,
       (SELECT count(*) FROM pages WHERE role = 'counters' AND status <> 200) AS singles,
       (SELECT count(*) FROM sizes WHERE next_url IS NOT NULL AND received < coalesce(requested, received + 1)
         AND received < (SELECT max(received) FROM listing)) AS short_pages,
       (SELECT count(*) FROM quality_event e WHERE e.snapshot_id = s.snapshot_id AND e.kind = 'rows_lost') AS lossy_pages,
       (SELECT coalesce(sum(received), 0) FROM listing) AS ranked_received,
       (SELECT coalesce(sum(received), 0) FROM pages) AS received,
       (SELECT coalesce(sum(kept), 0) FROM pages) AS kept,
       (SELECT coalesce(sum(duplicates), 0) FROM pages) AS duplicates,
       (SELECT coalesce(sum(rejected), 0) FROM listing) AS rejected,
       (SELECT coalesce(sum(rejected), 0) FROM pages) AS rejected_everywhere,
       (SELECT x.reason FROM reject x WHERE x.snapshot_id = s.snapshot_id
        GROUP BY x.reason ORDER BY count(*) DESC, x.reason LIMIT 1) AS main_reject,
       (SELECT coalesce(sum(beyond), 0) FROM pages) AS beyond,
       (SELECT coalesce(sum(hidden), 0) FROM pages) AS hidden,
       (SELECT coalesce(sum(inversions), 0) FROM pages) AS inversions,
       (SELECT max(age) FROM pages) AS oldest,
       (SELECT max(abs(skew)) FROM page WHERE snapshot_id = :snapshot) AS skew,
       (SELECT coalesce(max(fetched_at), s.taken_at) FROM pages) - s.taken_at AS seconds,
       (SELECT next_url FROM listing ORDER BY number DESC LIMIT 1) AS next_url
FROM snapshot s JOIN registry r ON r.registry_id = s.registry_id WHERE s.snapshot_id = :snapshot;
