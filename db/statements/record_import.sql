-- Record what the rows of an imported file have, and the values that they state, so that the import can be removed.
INSERT INTO import_field (snapshot_id, field)
SELECT :snapshot, 'name'
UNION ALL SELECT :snapshot, 'id' WHERE :has_ids
UNION ALL SELECT :snapshot, 'libraries' WHERE EXISTS (SELECT 1 FROM incoming WHERE libraries)
UNION ALL SELECT :snapshot, 'parents' WHERE EXISTS (SELECT 1 FROM incoming WHERE lineage)
UNION ALL SELECT :snapshot, 'values'
WHERE EXISTS (SELECT 1 FROM incoming WHERE coalesce(created_at, modified_at, revision) IS NOT NULL)
UNION ALL SELECT DISTINCT :snapshot, 'attribute ' || name FROM incoming_attribute WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO stated_value (package_id, snapshot_id, stated_at, created_at, modified_at, revision)
SELECT package_id, :snapshot, :at, created_at, modified_at, revision FROM incoming
WHERE stable_id IS NOT NULL AND NOT is_repeat AND coalesce(created_at, modified_at, revision) IS NOT NULL
ON CONFLICT DO NOTHING;
