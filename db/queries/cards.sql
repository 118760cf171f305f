-- What stands where the card of each package of a complete snapshot should be, at its instant; `state` is NULL where nobody
-- looked. `fields` counts the fields with a value, of the 14 of the paper's script, in the card or said by the registry;
-- `descendants` the packages that say they were made from it, NULL where the list says so of nobody.
WITH listed AS (
    SELECT r.package_id, r.rank, r.downloads, r.likes, s.taken_at
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id
    WHERE s.snapshot_id = :snapshot AND s.status = 'complete'),
looked AS (
    SELECT l.package_id, v.state, v.card_id
    FROM listed l
    JOIN card_revision v ON v.package_id = l.package_id AND v.since <= l.taken_at
     AND (v.until IS NULL OR v.until > l.taken_at)),
named AS (
    SELECT k.package_id,
           CASE f.field WHEN 'license' THEN 'license_name' WHEN 'datasets' THEN 'dataset_name'
                        WHEN 'dataset_address' THEN 'dataset_url' WHEN 'libraries' THEN 'library_name'
                        WHEN 'model_task' THEN 'task_name' WHEN 'paper' THEN 'paper_title'
                        WHEN 'frameworks' THEN 'framework_name' WHEN 'tags' THEN 'tag_name'
                        WHEN 'hardware' THEN 'hardware_name' WHEN 'github' THEN 'github_repo_url'
                        WHEN 'architecture' THEN 'architecture_name' WHEN 'grant' THEN 'grant_name' END AS field
    FROM looked k JOIN card_field f ON f.card_id = k.card_id
    UNION
    SELECT l.package_id,
           CASE a.name WHEN 'library' THEN 'library_name' WHEN 'task' THEN 'task_name' WHEN 'licence' THEN 'license_name'
                       ELSE 'tag_name' END
    FROM listed l
    JOIN attribute a ON a.package_id = l.package_id AND a.name IN ('library', 'task', 'licence', 'tags')
     AND a.since <= l.taken_at AND (a.until IS NULL OR a.until > l.taken_at)
    UNION
    SELECT l.package_id, CASE b.kind WHEN 'format' THEN 'framework_name' ELSE 'library_name' END
    FROM listed l
    JOIN package_library b ON b.package_id = l.package_id AND b.kind IN ('format', 'library')
     AND b.since <= l.taken_at AND (b.until IS NULL OR b.until > l.taken_at)
    UNION
    SELECT l.package_id, 'author_name'
    FROM listed l
    JOIN alias o ON o.package_id = l.package_id AND o.name LIKE '%/%'
     AND o.since <= l.taken_at AND (o.until IS NULL OR o.until > l.taken_at)),
stated AS (
    SELECT package_id, field FROM named WHERE field IS NOT NULL
    UNION
    SELECT package_id, 'domain_name' FROM named WHERE field = 'task_name'),
counted AS (SELECT package_id, COUNT(*) AS fields FROM stated GROUP BY package_id),
parent AS (
    SELECT e.parent_id, COUNT(DISTINCT e.child_id) AS descendants
    FROM listed l
    JOIN lineage_edge e ON e.child_id = l.package_id AND e.parent_id IS NOT NULL AND e.parent_id <> e.child_id
     AND e.since <= l.taken_at AND (e.until IS NULL OR e.until > l.taken_at)
    GROUP BY e.parent_id),
facts AS (
    SELECT package_id, rank, downloads, likes, 0 AS descendants, NULL AS state, NULL AS card_id, 0 AS fields FROM listed
    UNION ALL
    SELECT package_id, NULL, NULL, NULL, 0, state, card_id, 0 FROM looked
    UNION ALL
    SELECT package_id, NULL, NULL, NULL, 0, NULL, NULL, fields FROM counted
    UNION ALL
    SELECT parent_id, NULL, NULL, NULL, descendants, NULL, NULL, 0 FROM parent)
SELECT f.package_id AS package, MAX(f.rank) AS rank, MAX(f.downloads) AS downloads, MAX(f.likes) AS likes,
       CASE WHEN (SELECT MAX(parent_id) FROM parent) IS NOT NULL THEN MAX(f.descendants) END AS descendants,
       MAX(f.state) AS state, MAX(f.card_id) AS card, MAX(f.fields) AS fields
FROM facts f
GROUP BY f.package_id
HAVING MAX(f.rank) IS NOT NULL
ORDER BY MAX(f.rank)
