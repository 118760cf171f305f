-- Drop the temporary tables of a removal that has succeeded. A rollback drops them too.
DROP TABLE temp.touched_package;
DROP TABLE temp.observer;
DROP TABLE temp.unobserved_package;
