-- The language of an account's pages and mails.

-- NULL: the browser's language for pages, the installation's language for mails
ALTER TABLE account ADD COLUMN language text CHECK (language IN ('en', 'de'));
