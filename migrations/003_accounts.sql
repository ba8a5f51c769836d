-- Accounts, their credentials, mailed links and promotions.

CREATE TABLE account (
  username bigint PRIMARY KEY CHECK (username BETWEEN 1000000000 AND 9999999999),
  -- The account that pays: this one, or one that pays for itself. There are no chains.
  master_account bigint NOT NULL REFERENCES account (username),
  role text NOT NULL DEFAULT 'customer'
    CHECK (role IN ('customer', 'administrator', 'support', 'billing', 'read-only')),
  name text NOT NULL,
  email text NOT NULL,
  email_key text NOT NULL,
  rate numeric(12, 6) NOT NULL CHECK (rate >= 0),
  increment_seconds integer NOT NULL DEFAULT 6 CHECK (increment_seconds > 0),
  minimum_seconds integer NOT NULL DEFAULT 6 CHECK (minimum_seconds >= 0),
  -- NULL: the list called 'default', if it exists
  price_list text CONSTRAINT account_price_list REFERENCES price_list (name),
  -- the country whose numbering plan applies; NULL: the feed's country
  country text CONSTRAINT account_country REFERENCES numbering_plan (country),
  -- calls at once; NULL: no limit
  max_calls integer CHECK (max_calls >= 0),
  -- the highest rate per minute that authorize allows; NULL: any
  max_rate numeric(12, 6) CHECK (max_rate >= 0),
  -- the end of a highest rate that only new accounts have
  max_rate_until timestamptz,
  caller_id text NOT NULL DEFAULT '' CHECK (caller_id ~ '^([0-9]{10})?$'),
  notify boolean NOT NULL DEFAULT true,
  notify_threshold integer NOT NULL DEFAULT 5 CHECK (notify_threshold >= 0),
  enabled boolean NOT NULL DEFAULT true,
  -- It may see the balance of the account that pays for it.
  shows_balance boolean NOT NULL DEFAULT false,
  -- Fails with "time zone … not recognized" if PostgreSQL does not know the zone.
  time_zone text NOT NULL DEFAULT 'UTC'
    CONSTRAINT account_time_zone CHECK (timezone(time_zone, timestamptz 'epoch') IS NOT NULL),
  -- First day of the month that is charged next; NULL: there is nothing to charge.
  next_charge date CHECK (extract(day FROM next_charge) = 1),
  created_at timestamptz NOT NULL,
  verified_at timestamptz,
  closed_at timestamptz,
  -- when a member of the staff last used the portal
  last_seen_at timestamptz,
  password_hash text NOT NULL,
  -- The password is not chosen yet: customers of the portal choose it with the mailed link.
  password_unset boolean NOT NULL DEFAULT false,
  key_digest bytea NOT NULL CONSTRAINT account_key_digest UNIQUE,
  key_sealed bytea NOT NULL,
  key_version integer NOT NULL DEFAULT 1,
  -- what a search for a part of a text looks through
  search_text text COLLATE "C" NOT NULL
    GENERATED ALWAYS AS (lower(name || e'\n' || email || e'\n' || username)) STORED
);
CREATE INDEX account_email_key ON account (email_key);
CREATE INDEX account_master_account ON account (master_account, closed_at);
-- The order and the counts of the operators' list.
CREATE INDEX account_name ON account (lower(name), username);
CREATE INDEX account_created_at ON account (created_at, username);
CREATE INDEX account_notify_threshold ON account (notify_threshold);
CREATE INDEX account_closed ON account (username) WHERE closed_at IS NOT NULL;
CREATE INDEX account_disabled ON account (username) WHERE closed_at IS NULL AND NOT enabled;
CREATE INDEX account_unverified ON account (username)
  WHERE closed_at IS NULL AND verified_at IS NULL AND role = 'customer';
CREATE INDEX account_max_rate_until ON account (max_rate_until) WHERE max_rate_until IS NOT NULL;
CREATE INDEX account_price_list ON account (price_list) WHERE price_list IS NOT NULL;
CREATE INDEX account_next_charge ON account (next_charge, username) WHERE next_charge IS NOT NULL;

-- Number of open accounts for each e-mail address. Its row decides which of two concurrent sign-ups
-- gets the address.
CREATE TABLE email_address (
  address_key text PRIMARY KEY,
  accounts integer NOT NULL CHECK (accounts >= 0)
);

CREATE TABLE token (
  digest bytea PRIMARY KEY,
  account bigint NOT NULL REFERENCES account (username),
  purpose text NOT NULL CHECK (
    purpose IN ('verification', 'recovery', 'address before', 'address after')
  ),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  voided_at timestamptz
);
CREATE INDEX token_account ON token (account, purpose);
CREATE INDEX token_expires_at ON token (expires_at);

-- A change of an e-mail address, which the old and the new address both confirm.
CREATE TABLE address_change (
  account bigint PRIMARY KEY REFERENCES account (username),
  -- the new address
  email text NOT NULL,
  requested_at timestamptz NOT NULL,
  before_confirmed_at timestamptz,
  after_confirmed_at timestamptz
);

CREATE TABLE promotion (
  code text NOT NULL,
  amount numeric(18, 6) NOT NULL CHECK (amount > 0),
  valid_until timestamptz,
  uses_limit integer CHECK (uses_limit > 0),
  uses integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  CHECK (uses <= uses_limit)
);
CREATE UNIQUE INDEX promotion_code ON promotion (lower(code));

CREATE TABLE promotion_use (
  account bigint PRIMARY KEY REFERENCES account (username),
  code text NOT NULL,
  amount numeric(18, 6) NOT NULL,
  reserved_at timestamptz NOT NULL,
  credited_at timestamptz
);

-- Changes of settings that are scheduled for a time.
CREATE TABLE scheduled_change (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account bigint NOT NULL REFERENCES account (username),
  due_at timestamptz NOT NULL,
  -- the settings to change, by name
  settings jsonb NOT NULL,
  actor text NOT NULL,
  created_at timestamptz NOT NULL,
  -- when it was done, failed or was called off; `problem` is why it failed
  done_at timestamptz,
  problem text
);
CREATE INDEX scheduled_change_due ON scheduled_change (due_at) WHERE done_at IS NULL;
