-- A chain of blocks has a difference from its beginning half way, which is found without reading the others.

CREATE INDEX observation_block_half_way ON observation_block (registry_id, number, snapshot_id) WHERE codec = 3;
