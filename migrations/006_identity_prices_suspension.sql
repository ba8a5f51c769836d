-- A call's identity is its id and its start, whoever pays for it: a record that comes again after
-- its number or its account changed hands is the same call. The start leads, so that new calls go
-- to the right end of the index.
ALTER TABLE call ADD CONSTRAINT call_identity UNIQUE (started_at, id);

-- Who had a number when it was called.
CREATE INDEX number_history ON number (number, added_at);

CREATE TABLE price_list (
  name text PRIMARY KEY,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL
);

-- Rates by the first digits of the called number, its country code first.
CREATE TABLE price (
  list text NOT NULL REFERENCES price_list (name) ON DELETE CASCADE,
  prefix text NOT NULL CHECK (prefix ~ '^[0-9]{1,15}$'),
  name text NOT NULL DEFAULT '',
  rate numeric(12, 6) NOT NULL CHECK (rate >= 0),
  -- both or neither; without them the account's own count
  minimum_seconds integer CHECK (minimum_seconds >= 0),
  increment_seconds integer CHECK (increment_seconds > 0),
  PRIMARY KEY (list, prefix),
  CHECK ((minimum_seconds IS NULL) = (increment_seconds IS NULL))
);

ALTER TABLE account
  -- without one, the list called 'default' counts where it exists
  ADD COLUMN price_list text CONSTRAINT account_price_list REFERENCES price_list (name),
  -- calls at once; NULL: no limit
  ADD COLUMN max_calls integer CHECK (max_calls >= 0);
CREATE INDEX account_price_list ON account (price_list) WHERE price_list IS NOT NULL;

-- What may not be called, such as ranges known for toll fraud.
CREATE TABLE blocked_prefix (
  prefix text NOT NULL CHECK (prefix ~ '^[0-9]{1,15}$'),
  -- NULL: for everyone; a billing account: also for the accounts billed to it
  account bigint REFERENCES account (username),
  reason text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  CONSTRAINT blocked_prefix_once UNIQUE NULLS NOT DISTINCT (prefix, account)
);

ALTER TABLE balance
  -- how far below zero a postpaid balance may go before calls stop; NULL: without end
  ADD COLUMN credit_limit numeric(18, 6) CHECK (credit_limit >= 0);
