-- The values of K for which top K lists are compared.
SELECT k FROM ranking_depth ORDER BY k
