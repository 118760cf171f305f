-- The registries of the store.
SELECT name, service, service_name FROM registry ORDER BY name
