-- Some of a registry's packages in the order of their keys, after one of them.
SELECT package_id, key FROM package WHERE registry_id = :registry AND key > :last ORDER BY key LIMIT :most;
