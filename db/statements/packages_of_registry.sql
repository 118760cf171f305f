-- Every package of a registry in the order of its number, with the instants that are known of it and its author.
SELECT package_id, coalesce(created_at, -1), coalesce(modified_at, -1), substr(name, 1, max(0, instr(name, '/') - 1))
FROM package WHERE +registry_id = :registry ORDER BY package_id;
