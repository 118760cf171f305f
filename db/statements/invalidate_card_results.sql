-- Delete the results since :since that depend on cards and scores, so that they are computed again.
DELETE FROM result
WHERE metric IN ('agreement', 'documentation', 'documentation_as_published')
  AND snapshot_id IN (SELECT snapshot_id FROM snapshot WHERE taken_at >= :since);
