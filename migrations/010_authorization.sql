-- Which calls may be made, and what is held for those in progress.

-- What may not be called, such as ranges known for toll fraud.
CREATE TABLE blocked_prefix (
  prefix text NOT NULL CHECK (prefix ~ '^[0-9]{1,15}$')
    CONSTRAINT blocked_prefix_fits CHECK (prefix !~ '^(00|011)[0-9]'),
  -- NULL: for everyone; a billing account: also for the accounts billed to it
  account bigint REFERENCES account (username),
  reason text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  CONSTRAINT blocked_prefix_once UNIQUE NULLS NOT DISTINCT (prefix, account)
);

CREATE TABLE hold (
  billing_account bigint NOT NULL,
  -- as the switch names the call
  call_id text NOT NULL,
  account bigint NOT NULL,
  called text NOT NULL,
  amount numeric(38, 6) NOT NULL CHECK (amount >= 0),
  granted_at timestamptz NOT NULL,
  -- from then on it holds nothing, whether its row is still there or not
  expires_at timestamptz NOT NULL,
  -- What the call costs where it goes now, and what it may have cost before it was transferred there.
  rate numeric(12, 6) NOT NULL DEFAULT 0,
  minimum_seconds integer NOT NULL DEFAULT 0,
  increment_seconds integer NOT NULL DEFAULT 1,
  earlier_amount numeric(38, 6) NOT NULL DEFAULT 0,
  connect_fee numeric(12, 6) NOT NULL DEFAULT 0,
  minimum_charge numeric(12, 6) NOT NULL DEFAULT 0,
  PRIMARY KEY (billing_account, call_id)
);
-- By the account alone, holds are never looked up: an index that begins with it would be taken for
-- the key by a plan that was made while the table was empty.
CREATE INDEX hold_expires_at ON hold (expires_at);

-- How many calls an account has in progress, as a sum beside the holds: a question must not count
-- the holds of thousands of other calls.
CREATE TABLE calls_in_progress (
  billing_account bigint NOT NULL,
  account bigint NOT NULL,
  calls integer NOT NULL,
  PRIMARY KEY (billing_account, account)
) WITH (fillfactor = 50);
