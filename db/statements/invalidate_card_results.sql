-- Delete the results that depend on cards and scores, so that they are computed again.
DELETE FROM result WHERE metric IN ('documentation', 'documentation_as_published');
