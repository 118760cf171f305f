-- Only what everyone sees is stored. A page counts the rows that it held and that the public does not see. A collection of cards
-- says whether its cards were visible without a token. Crawls of older versions sent the token with every request.

ALTER TABLE page ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE change_crawl_page ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE card_collection ADD COLUMN is_public INTEGER NOT NULL DEFAULT 0 CHECK (is_public IN (0, 1));
UPDATE card_collection SET is_public = 1 WHERE origin = 'import';
