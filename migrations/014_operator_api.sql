-- What the operators' own systems ask with, and what they ask of accounts.

CREATE TABLE operator_key (
  id text PRIMARY KEY,
  name text NOT NULL,
  scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
  -- where it may come from; none: from anywhere
  networks text[] NOT NULL DEFAULT '{}',
  -- billing accounts that it is for, with those billed to them; none: all
  accounts bigint[] NOT NULL DEFAULT '{}',
  -- dollars that it may post by one entry and in one day (UTC); NULL: any amount
  entry_limit numeric(18, 6) CHECK (entry_limit >= 0),
  day_limit numeric(18, 6) CHECK (day_limit >= 0),
  digest bytea NOT NULL CONSTRAINT operator_key_digest UNIQUE,
  -- the last characters of the secret, by which a leaked one is found
  tail text NOT NULL,
  -- the secret before, which counts until then
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

-- What a key with a limit has posted in a day, credits and debits alike.
CREATE TABLE operator_key_day (
  key text NOT NULL REFERENCES operator_key (id),
  day date NOT NULL,
  posted numeric(38, 6) NOT NULL,
  PRIMARY KEY (key, day)
);

-- The name that the operator's own systems have for an account, and when a setting changed last.
ALTER TABLE account
  ADD COLUMN external_id text CONSTRAINT account_external_id UNIQUE
    CHECK (length(external_id) BETWEEN 1 AND 100),
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX account_updated_at ON account (updated_at, username);

-- Long work that was asked for by the API: a job does it, and goes on after it was killed.
CREATE TABLE operation (
  id text PRIMARY KEY,
  kind text NOT NULL,
  -- what it is about; one of a kind and subject goes on at a time
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

-- A payment is looked for by its reference without knowing whose it is.
CREATE INDEX ledger_entry_any_reference ON ledger_entry (reference) WHERE reference IS NOT NULL;
