-- The pages of a names census in the order of reading: the requests and the row counts. `given` is the page size that the
-- service states. A probe page is a repeated request: for a page of names, `beyond` counts the names that no earlier page had.
-- For a single package, `beyond` is 1 if the package was created after the census began.
SELECT role, url, received, kept, duplicates, beyond, next_url, json_extract(headers, '$."page-items"') AS given
FROM page WHERE snapshot_id = :snapshot AND (url LIKE '%/package_names?%' OR url LIKE '%/packages/%') ORDER BY number;
