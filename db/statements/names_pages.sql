-- The pages of a census of names, in the order in which they were read: what was asked for and what came. `given` is how
-- many rows the service says a page has. A probe is a page that was asked for once more, and `beyond` what no page had; or
-- one package of these, and `beyond` whether it was made after the census began.
SELECT role, url, received, kept, duplicates, beyond, next_url, json_extract(headers, '$."page-items"') AS given
FROM page WHERE snapshot_id = :snapshot AND (url LIKE '%/package_names?%' OR url LIKE '%/packages/%') ORDER BY number;
