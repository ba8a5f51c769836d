-- Which calls are allowed, and the holds of calls in progress.

-- Prefixes that may not be called, such as ranges known for toll fraud.
CREATE TABLE blocked_prefix (
  prefix text NOT NULL CHECK (prefix ~ '^[0-9]{1,15}$')
    CONSTRAINT blocked_prefix_fits CHECK (prefix !~ '^(00|011)[0-9]'),
  -- NULL: blocked for everyone; a billing account: blocked for its sub-accounts too
  account bigint REFERENCES account (username),
  reason text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  CONSTRAINT blocked_prefix_once UNIQUE NULLS NOT DISTINCT (prefix, account)
);

CREATE TABLE hold (
  billing_account bigint NOT NULL,
  -- the switch's own id of the call
  call_id text NOT NULL,
  account bigint NOT NULL,
  called text NOT NULL,
  amount numeric(38, 6) NOT NULL CHECK (amount >= 0),
  granted_at timestamptz NOT NULL,
  -- from then on it holds nothing, even while its row exists
  expires_at timestamptz NOT NULL,
  -- The call's price to its present number, and what it may have cost before a transfer.
  rate numeric(12, 6) NOT NULL DEFAULT 0,
  minimum_seconds integer NOT NULL DEFAULT 0,
  increment_seconds integer NOT NULL DEFAULT 1,
  earlier_amount numeric(38, 6) NOT NULL DEFAULT 0,
  connect_fee numeric(12, 6) NOT NULL DEFAULT 0,
  minimum_charge numeric(12, 6) NOT NULL DEFAULT 0,
  PRIMARY KEY (billing_account, call_id)
);
-- No index begins with the account: a plan made while the table was empty would use it instead of
-- the key.
CREATE INDEX hold_expires_at ON hold (expires_at);

-- The number of an account's calls in progress, kept beside the holds: a question must not count
-- thousands of holds.
CREATE TABLE calls_in_progress (
  billing_account bigint NOT NULL,
  account bigint NOT NULL,
  calls integer NOT NULL,
  PRIMARY KEY (billing_account, account)
) WITH (fillfactor = 50);
