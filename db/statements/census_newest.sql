-- The newest counters of one package, for people who look at the present.
UPDATE package SET downloads = ?1, likes = ?2, downloads_all_time = ?3, trending = ?4 WHERE package_id = ?5;
