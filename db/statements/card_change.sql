-- The time since which the check of the card of :package at the time :at changes what is known, NULL if nothing changes.
-- A revision without a commit holds for some time after its last check only, so that another check prolongs that time.
SELECT CASE WHEN v.state IS NOT :state OR v.card_id IS NOT :card THEN :at
            WHEN v.sha IS NULL AND v.checked_at < :at THEN v.checked_at END AS since
FROM (SELECT 1) LEFT JOIN card_revision v ON v.package_id = :package AND v.valid_from <= :at
 AND (v.valid_to IS NULL OR v.valid_to > :at);
