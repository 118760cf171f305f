-- The newest counters of one package, for people who look at the present.
UPDATE package SET downloads = :downloads, likes = :likes, downloads_all_time = :downloads_all_time, trending = :trending,
       modified_at = :modified_at, revision = compact(:sha)
WHERE package_id = :package;
