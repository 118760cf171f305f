-- The next packages of a registry after the key :last, in the order of their keys.
SELECT package_id, key FROM package WHERE registry_id = :registry AND key > :last ORDER BY key LIMIT :limit;
