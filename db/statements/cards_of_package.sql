-- The cards that a package had before :until, oldest first, with the questions that the newest version of the rules answers: yes
-- or no. `answered` is NULL if the card was not scored by rules.
SELECT v.valid_from AS since, CASE WHEN v.valid_to < :until THEN v.valid_to END AS until, v.state, c.size,
       (SELECT group_concat(k.item) FROM score k WHERE k.card_id = v.card_id AND k.scorer = 'rules' AND k.state = 'yes'
        AND k.version = w.version) AS answered, w.version
FROM card_revision v LEFT JOIN card c ON c.card_id = v.card_id
LEFT JOIN (SELECT card_id, version, max(scored_at) FROM score WHERE scorer = 'rules' AND card_id IN (
               SELECT card_id FROM card_revision WHERE package_id = :package) GROUP BY card_id) w ON w.card_id = v.card_id
WHERE v.package_id = :package AND v.valid_from < :until ORDER BY v.valid_from;
