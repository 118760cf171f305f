-- What a new snapshot costs does not depend on how many there are: these are found, not looked for.

CREATE INDEX membership_first ON membership (registry_id, ordered_by, counter, k, first_at);
CREATE INDEX snapshot_taken ON snapshot (registry_id, ordered_by, taken_at);
