-- The registries of the store.
SELECT name, service FROM registry ORDER BY name
