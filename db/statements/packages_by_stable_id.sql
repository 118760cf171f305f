-- The packages with the given stable ids, in any order. The fingerprint is NULL if the next census must store the package again.
SELECT p.package_id, nullif(p.fingerprint, 0), p.downloads, p.likes, p.downloads_all_time, p.trending, p.key
FROM json_each(:ids) j CROSS JOIN package p ON p.registry_id = :registry AND p.key = compact(j.value);
