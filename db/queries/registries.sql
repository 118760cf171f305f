-- The registries of the store.
SELECT name FROM registry ORDER BY name
