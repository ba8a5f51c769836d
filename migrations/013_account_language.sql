-- The language of an account's pages and mails.

-- NULL: pages in that of the browser, mails in that of the installation
ALTER TABLE account ADD COLUMN language text CHECK (language IN ('en', 'de'));
