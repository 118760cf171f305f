-- The depths at which lists are looked at.
SELECT k FROM depth ORDER BY k
