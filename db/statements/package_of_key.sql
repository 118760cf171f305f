-- The package that has a key.
SELECT p.package_id FROM package p JOIN registry r ON r.registry_id = p.registry_id WHERE r.name = :registry AND p.key = :key;
