-- Accounts, their credentials and what hangs on an e-mail address.

CREATE TABLE account (
  username bigint PRIMARY KEY CHECK (username BETWEEN 1000000000 AND 9999999999),
  -- Who pays: the account itself, or one that pays for itself, so that there are no chains.
  master_account bigint NOT NULL REFERENCES account (username),
  role text NOT NULL DEFAULT 'customer' CHECK (role IN ('customer', 'administrator')),
  name text NOT NULL,
  email text NOT NULL,
  email_key text NOT NULL,
  rate numeric(12, 6) NOT NULL CHECK (rate >= 0),
  increment_seconds integer NOT NULL DEFAULT 6 CHECK (increment_seconds > 0),
  minimum_seconds integer NOT NULL DEFAULT 6 CHECK (minimum_seconds >= 0),
  caller_id text NOT NULL DEFAULT '' CHECK (caller_id ~ '^([0-9]{10})?$'),
  notify boolean NOT NULL DEFAULT true,
  notify_threshold integer NOT NULL DEFAULT 5 CHECK (notify_threshold >= 0),
  enabled boolean NOT NULL DEFAULT true,
  time_zone text NOT NULL DEFAULT 'UTC',
  created_at timestamptz NOT NULL,
  verified_at timestamptz,
  closed_at timestamptz,
  password_hash text NOT NULL,
  key_digest bytea NOT NULL CONSTRAINT account_key_digest UNIQUE,
  key_sealed bytea NOT NULL,
  key_version integer NOT NULL DEFAULT 1
);
CREATE INDEX account_email_key ON account (email_key);
CREATE INDEX account_master_account ON account (master_account);

-- How many open accounts use an address: decides who may sign up with it, also in a race.
CREATE TABLE email_address (
  address_key text PRIMARY KEY,
  accounts integer NOT NULL CHECK (accounts >= 0)
);

CREATE TABLE token (
  digest bytea PRIMARY KEY,
  account bigint NOT NULL REFERENCES account (username),
  purpose text NOT NULL CHECK (purpose IN ('verification', 'recovery')),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  voided_at timestamptz
);
CREATE INDEX token_account ON token (account, purpose);
CREATE INDEX token_expires_at ON token (expires_at);

-- Keys that seal and digest credentials, each wrapped by the key of the secret key file.
CREATE TABLE data_key (
  purpose text PRIMARY KEY CHECK (purpose IN ('seal', 'digest')),
  wrapped bytea NOT NULL
);

-- The columns, and their order, are those that rate-limiter-flexible writes.
CREATE TABLE rate_limit (
  key varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
CREATE INDEX rate_limit_expire ON rate_limit (expire);

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
