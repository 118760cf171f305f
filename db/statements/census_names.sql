-- Some of a registry's packages in the order of their stable ids, after one of them: their numbers and those ids as two
-- texts, for rows by the million cost more than texts; no id has a NUL.
SELECT group_concat(package_id), group_concat(stable_id, char(0)), max(key)
FROM (SELECT package_id, stable_id, key FROM package WHERE registry_id = :registry AND key > :last ORDER BY key LIMIT :most);
