-- The packages whose stable ids lie in the range of one page. The fingerprint is NULL if the next census must store the package
-- again.
SELECT package_id, nullif(fingerprint, 0), downloads, likes, downloads_all_time, trending, key
FROM package WHERE registry_id = :registry AND key BETWEEN :first AND :last;
