-- The registries the store knows.
SELECT name FROM registry ORDER BY name
