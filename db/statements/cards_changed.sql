-- Results that rest on cards and their scores: with others in the store they are missing, and are computed anew.
DELETE FROM result WHERE metric IN ('documentation', 'documentation_as_published');
