-- The packages whose stable ids lie in the range of one page, as they stand.
SELECT stable_id, package_id, fingerprint, seen_at, downloads, likes, downloads_all_time, trending, modified_at, sha
FROM package WHERE registry_id = :registry AND key BETWEEN :first AND :last;
