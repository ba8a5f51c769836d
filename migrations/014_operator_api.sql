-- Keys of the operators' own systems, and the data that these systems need.

CREATE TABLE operator_key (
  id text PRIMARY KEY,
  name text NOT NULL,
  scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
  -- networks from which it may be used; none: from anywhere
  networks text[] NOT NULL DEFAULT '{}',
  -- billing accounts that it may use, with their sub-accounts; none: all accounts
  accounts bigint[] NOT NULL DEFAULT '{}',
  -- the most money of one entry, and of all entries of a day (UTC); NULL: any amount
  entry_limit numeric(18, 6) CHECK (entry_limit >= 0),
  day_limit numeric(18, 6) CHECK (day_limit >= 0),
  digest bytea NOT NULL CONSTRAINT operator_key_digest UNIQUE,
  -- the last characters of the secret; they identify the key of a leaked secret
  tail text NOT NULL,
  -- the previous secret, which is accepted until `previous_expires_at`
  previous_digest bytea CONSTRAINT operator_key_previous_digest UNIQUE,
  previous_expires_at timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  last_address text,
  CHECK ((previous_digest IS NULL) = (previous_expires_at IS NULL))
);

-- Money that a key with a limit has posted in a day; credits and debits both count.
CREATE TABLE operator_key_day (
  key text NOT NULL REFERENCES operator_key (id),
  day date NOT NULL,
  posted numeric(38, 6) NOT NULL,
  PRIMARY KEY (key, day)
);

-- The account's name in the operator's own systems, and the time of the last change of a setting.
ALTER TABLE account
  ADD COLUMN external_id text CONSTRAINT account_external_id UNIQUE
    CHECK (length(external_id) BETWEEN 1 AND 100),
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX account_updated_at ON account (updated_at, username);

-- Long work that a client of the API asked for. A job does it; a job that was killed is continued.
CREATE TABLE operation (
  id text PRIMARY KEY,
  kind text NOT NULL,
  -- the subject of the work; only one operation of a kind and subject runs at a time
  subject text NOT NULL DEFAULT '',
  parameters jsonb NOT NULL,
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  done bigint NOT NULL DEFAULT 0,
  total bigint,
  unit text NOT NULL,
  result jsonb,
  error jsonb,
  actor text NOT NULL,
  origin text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  finished_at timestamptz
);
CREATE UNIQUE INDEX operation_running ON operation (kind, subject) WHERE finished_at IS NULL;
CREATE INDEX operation_created_at ON operation (created_at, id);

-- For the search for a payment by its reference without the account.
CREATE INDEX ledger_entry_any_reference ON ledger_entry (reference) WHERE reference IS NOT NULL;
