-- By the account alone, holds are never looked up: an index that begins with it would be taken for the
-- key by a plan that was made while the table was empty.
DROP INDEX hold_expires_at;
CREATE INDEX hold_expires_at ON hold (expires_at);
