-- Update the newest counters of one package. A counter that the registry did not send keeps its value, and so does a package
-- that a later snapshot has seen.
UPDATE package SET downloads = coalesce(?1, downloads), likes = coalesce(?2, likes),
    downloads_all_time = coalesce(?3, downloads_all_time), trending = coalesce(?4, trending)
WHERE package_id = ?5 AND seen_at <= ?6;
