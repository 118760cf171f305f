-- The registries.
SELECT registry_id, name, service, service_name FROM registry WHERE name = :registry
