-- Every package of a registry in the order of its number, with the instants that are known of it and its author. One that
-- nobody says when it was made is taken as made when it was first written down.
SELECT package_id, coalesce(created_at, known_at), coalesce(modified_at, -1), substr(name, 1, max(0, instr(name, '/') - 1))
FROM package WHERE +registry_id = :registry ORDER BY package_id;
