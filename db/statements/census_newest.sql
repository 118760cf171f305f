-- The newest counters of one package, for people who look at the present; what was known where the registry says
-- nothing, or where it was looked at later.
UPDATE package SET downloads = coalesce(?1, downloads), likes = coalesce(?2, likes),
    downloads_all_time = coalesce(?3, downloads_all_time), trending = coalesce(?4, trending)
WHERE package_id = ?5 AND seen_at <= ?6;
