-- What is held of a balance and how many calls an account has in progress, as sums beside the
-- holds: a question must not count the holds of thousands of other calls.

ALTER TABLE balance ADD COLUMN held numeric(38, 6) NOT NULL DEFAULT 0;
UPDATE balance b SET held = h.amount
FROM (SELECT billing_account, sum(amount) AS amount FROM hold GROUP BY billing_account) h
WHERE b.account = h.billing_account;

CREATE TABLE calls_in_progress (
  billing_account bigint NOT NULL,
  account bigint NOT NULL,
  calls integer NOT NULL,
  PRIMARY KEY (billing_account, account)
) WITH (fillfactor = 50);
INSERT INTO calls_in_progress
SELECT billing_account, account, count(*) FROM hold GROUP BY billing_account, account;

-- What the call costs where it goes now, and what it may have cost before it was transferred there.
ALTER TABLE hold
  ADD COLUMN rate numeric(12, 6) NOT NULL DEFAULT 0,
  ADD COLUMN minimum_seconds integer NOT NULL DEFAULT 0,
  ADD COLUMN increment_seconds integer NOT NULL DEFAULT 1,
  ADD COLUMN earlier_amount numeric(38, 6) NOT NULL DEFAULT 0;

-- Expired holds are looked for where an account's balance is short.
DROP INDEX hold_expires_at;
CREATE INDEX hold_expires_at ON hold (billing_account, expires_at);
