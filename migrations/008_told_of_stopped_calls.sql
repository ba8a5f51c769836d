-- Whether the customer knows that calls are suspended. Where it differs from what is, a mail is due
-- or, once calls work again, forgotten.
ALTER TABLE balance ADD COLUMN told_of_suspension boolean NOT NULL DEFAULT false;
UPDATE balance SET told_of_suspension = true WHERE suspended;
CREATE INDEX balance_told_of_suspension ON balance (account) WHERE suspended <> told_of_suspension;
