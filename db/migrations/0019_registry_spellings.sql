-- Crates, NuGet, Packagist and Hex compare names without case, and crates also takes `-` for `_`. A package of these registries is
-- known by its name as the registry compares it. Two packages that differ by the spelling alone stay two in what is stored already.

UPDATE OR IGNORE package SET key = lower(replace(key, '-', '_'))
WHERE typeof(key) = 'text' AND registry_id IN (SELECT registry_id FROM registry WHERE name = 'cargo');

UPDATE OR IGNORE package SET key = lower(key)
WHERE typeof(key) = 'text' AND registry_id IN (SELECT registry_id FROM registry WHERE name IN ('hex', 'nuget', 'packagist'));
