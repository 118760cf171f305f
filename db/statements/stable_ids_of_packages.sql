-- The stable ids of the given packages.
SELECT p.stable_id FROM json_each(:packages) j CROSS JOIN package p ON p.package_id = j.value;
