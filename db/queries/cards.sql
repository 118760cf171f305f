-- The state of the card of each package in a complete snapshot, at its time. `state` is NULL if the card was never checked,
-- or was last checked more than 182 days earlier and no commit is known, which would show whether the card is still the same.
-- `fields` counts the fields that have a value, in the card or in the registry, among the 14 fields of the paper's script.
-- `descendants` counts the packages that name this package as a parent. It is NULL if no package of the list names a parent.
-- `depth` is the depth of the list.
WITH listed AS (
    SELECT r.package_id, r.rank, r.downloads, r.likes, s.taken_at
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete'),
checked AS (
    SELECT l.package_id, l.rank, l.downloads, l.likes, v.state, v.card_id
    FROM listed l
    LEFT JOIN card_revision v ON v.package_id = l.package_id AND v.valid_from <= l.taken_at
     AND (v.valid_to IS NULL OR v.valid_to > l.taken_at)
     AND (v.sha IS NOT NULL OR l.taken_at - v.checked_at <= 15724800)),
package_field AS (
    SELECT k.package_id,
           CASE f.field WHEN 'license' THEN 'license_name' WHEN 'datasets' THEN 'dataset_name'
                        WHEN 'dataset_address' THEN 'dataset_url' WHEN 'libraries' THEN 'library_name'
                        WHEN 'model_task' THEN 'task_name' WHEN 'paper' THEN 'paper_title'
                        WHEN 'frameworks' THEN 'framework_name' WHEN 'tags' THEN 'tag_name'
                        WHEN 'hardware' THEN 'hardware_name' WHEN 'github' THEN 'github_repo_url'
                        WHEN 'architecture' THEN 'architecture_name' WHEN 'grant' THEN 'grant_name' END AS field
    FROM checked k JOIN card_field f ON f.card_id = k.card_id
    UNION
    SELECT l.package_id,
           CASE a.name WHEN 'library' THEN 'library_name' WHEN 'task' THEN 'task_name' WHEN 'licence' THEN 'license_name'
                       ELSE 'tag_name' END
    FROM listed l
    JOIN attribute a ON a.package_id = l.package_id AND a.name IN ('library', 'task', 'licence', 'tags')
     AND a.valid_from <= l.taken_at AND (a.valid_to IS NULL OR a.valid_to > l.taken_at)
    UNION
    SELECT l.package_id, CASE b.kind WHEN 'format' THEN 'framework_name' ELSE 'library_name' END
    FROM listed l
    JOIN package_library b ON b.package_id = l.package_id AND b.kind IN ('format', 'library')
     AND b.valid_from <= l.taken_at AND (b.valid_to IS NULL OR b.valid_to > l.taken_at)
    UNION
    SELECT l.package_id, 'author_name'
    FROM listed l
    JOIN alias o ON o.package_id = l.package_id AND o.name LIKE '%/%'
     AND o.valid_from <= l.taken_at AND (o.valid_to IS NULL OR o.valid_to > l.taken_at)),
combined AS (  -- a union and not a join: some engines do not see that the join needs an index
    SELECT package_id, rank, downloads, likes, state, card_id, NULL AS field FROM checked
    UNION ALL
    SELECT package_id, NULL, NULL, NULL, NULL, NULL, field FROM package_field),
package_total AS (  -- a task counts as two fields: it implies its domain, which no other field states
    SELECT package_id, MAX(rank) AS rank, MAX(downloads) AS downloads, MAX(likes) AS likes, MAX(state) AS state,
           MAX(card_id) AS card_id, COUNT(field) + SUM(CASE WHEN field = 'task_name' THEN 1 ELSE 0 END) AS fields
    FROM combined GROUP BY package_id),
parent AS (
    SELECT e.parent_id, COUNT(DISTINCT e.child_id) AS descendants
    FROM listed l
    JOIN lineage_edge e ON e.child_id = l.package_id AND e.parent_id IS NOT NULL AND e.parent_id <> e.child_id
     AND e.valid_from <= l.taken_at AND (e.valid_to IS NULL OR e.valid_to > l.taken_at)
    GROUP BY e.parent_id)
SELECT c.package_id AS package, c.rank, c.downloads, c.likes,
       CASE WHEN (SELECT MAX(parent_id) FROM parent) IS NOT NULL THEN COALESCE(p.descendants, 0) END AS descendants, c.state,
       c.card_id AS card, c.fields, (SELECT depth FROM snapshot WHERE snapshot_id = :snapshot) AS depth
FROM package_total c
LEFT JOIN parent p ON p.parent_id = c.package_id
ORDER BY c.rank
