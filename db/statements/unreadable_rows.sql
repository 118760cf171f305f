-- The rows of a snapshot that could not be read.
SELECT raw FROM reject WHERE snapshot_id = :snapshot;
