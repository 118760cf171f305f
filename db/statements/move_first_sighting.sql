-- Set the time at which a package was first seen. Its intervals count from that time, so they move by :shift.
-- They move in two steps, because two intervals must never begin at the same time. 1099511627776 is out of the way.
UPDATE name_history SET valid_from = valid_from + 1099511627776 WHERE package_id = :package;
UPDATE name_history SET valid_from = valid_from - 1099511627776 + :shift, valid_to = valid_to + :shift WHERE package_id = :package;
UPDATE package_attribute SET valid_from = valid_from + 1099511627776 WHERE package_id = :package;
UPDATE package_attribute SET valid_from = valid_from - 1099511627776 + :shift, valid_to = valid_to + :shift WHERE package_id = :package;
UPDATE package_library_interval SET valid_from = valid_from + 1099511627776 WHERE package_id = :package;
UPDATE package_library_interval SET valid_from = valid_from - 1099511627776 + :shift, valid_to = valid_to + :shift WHERE package_id = :package;
UPDATE edge SET valid_from = valid_from + 1099511627776 WHERE child_id = :package;
UPDATE edge SET valid_from = valid_from - 1099511627776 + :shift, valid_to = valid_to + :shift WHERE child_id = :package;
UPDATE package SET first_seen_at = :first WHERE package_id = :package;
