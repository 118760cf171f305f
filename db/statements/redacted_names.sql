-- Every id and name of a package that is left out on request.
SELECT DISTINCT name FROM redacted_name ORDER BY name
