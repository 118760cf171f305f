-- Delete the rows of a removed import. Its tombstone, which must be there, lets the triggers permit it.
DELETE FROM quality_event WHERE snapshot_id = :snapshot;
DELETE FROM result WHERE snapshot_id IN (SELECT s.snapshot_id FROM snapshot s WHERE s.registry_id = :registry);
DELETE FROM field_coverage WHERE snapshot_id = :snapshot;
DELETE FROM import_field WHERE snapshot_id = :snapshot;
DELETE FROM stated_value WHERE snapshot_id = :snapshot;
DELETE FROM gate_result WHERE snapshot_id = :snapshot;
DELETE FROM reject WHERE snapshot_id = :snapshot;
DELETE FROM body WHERE snapshot_id = :snapshot;
DELETE FROM ranking WHERE snapshot_id = :snapshot;
DELETE FROM page WHERE snapshot_id = :snapshot;
DELETE FROM snapshot WHERE snapshot_id = :snapshot;
DELETE FROM top_k_membership WHERE registry_id = :registry AND ordered_by = :ordered_by AND counter = :counter;
UPDATE package SET is_listed = 0 WHERE package_id IN (SELECT package_id FROM touched_package)
  AND NOT EXISTS (SELECT 1 FROM ranking r WHERE r.package_id = package.package_id);
