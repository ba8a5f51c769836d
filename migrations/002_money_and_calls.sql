-- Balances, ledger and calls. Their keys lead with the billing account, so that the rows of one
-- account lie together. They have no foreign keys, which would lock the account's row for each call.

CREATE TABLE balance (
  account bigint PRIMARY KEY,
  cash numeric(18, 6) NOT NULL DEFAULT 0,
  billing text NOT NULL DEFAULT 'prepaid' CHECK (billing IN ('prepaid', 'postpaid')),
  suspended boolean NOT NULL DEFAULT false,
  -- A debit took cash below the threshold and the customer has not been told yet.
  warning_due boolean NOT NULL DEFAULT false
);
CREATE INDEX balance_warning_due ON balance (account) WHERE warning_due;

CREATE TABLE ledger_entry (
  account bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL CHECK (kind IN ('promotion', 'payment', 'adjustment', 'monthly charge', 'reversal')),
  amount numeric(18, 6) NOT NULL,
  reason text NOT NULL,
  reference text,
  actor text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (account, id),
  CONSTRAINT ledger_entry_reference UNIQUE (account, reference)
);

CREATE TABLE call (
  billing_account bigint NOT NULL,
  account bigint NOT NULL,
  started_at timestamptz NOT NULL,
  id uuid NOT NULL,
  caller text NOT NULL,
  called text NOT NULL,
  source_ip text,
  -- percent-encoded, as the API shows it
  caller_name text,
  talk_microseconds bigint NOT NULL CHECK (talk_microseconds >= 0),
  billed_seconds integer NOT NULL CHECK (billed_seconds >= 0),
  rate numeric(12, 6) NOT NULL,
  amount numeric(18, 6),
  -- false where the switch took the amount from its own books
  debited boolean NOT NULL,
  feed text NOT NULL,
  content_digest bytea NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (billing_account, account, started_at, id)
) PARTITION BY RANGE (started_at);

CREATE TABLE call_refused (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  feed text NOT NULL,
  format text NOT NULL,
  reason text NOT NULL,
  detail text NOT NULL,
  raw bytea NOT NULL,
  digest bytea NOT NULL,
  received_at timestamptz NOT NULL,
  resolved_at timestamptz,
  CONSTRAINT call_refused_once UNIQUE (feed, digest)
);
CREATE INDEX call_refused_open ON call_refused (id) WHERE resolved_at IS NULL;

CREATE TABLE feed (
  name text PRIMARY KEY,
  format text NOT NULL,
  secret_digest bytea NOT NULL,
  networks text[] NOT NULL DEFAULT '{}',
  debits text NOT NULL DEFAULT 'service' CHECK (debits IN ('service', 'switch')),
  created_at timestamptz NOT NULL,
  last_seen_at timestamptz
);

CREATE TABLE service (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account bigint NOT NULL REFERENCES account (username),
  description text NOT NULL CHECK (description NOT IN ('did', 'total')),
  monthly numeric(18, 6) NOT NULL CHECK (monthly >= 0),
  added_at timestamptz NOT NULL,
  removed_at timestamptz
);
CREATE INDEX service_account ON service (account);

CREATE TABLE number (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number text NOT NULL,
  account bigint NOT NULL REFERENCES account (username),
  monthly numeric(18, 6) NOT NULL CHECK (monthly >= 0),
  added_at timestamptz NOT NULL,
  removed_at timestamptz
);
CREATE UNIQUE INDEX number_in_use ON number (number) WHERE removed_at IS NULL;
CREATE INDEX number_account ON number (account);

CREATE TABLE registration (
  account bigint NOT NULL,
  contact text NOT NULL,
  user_agent text NOT NULL DEFAULT '',
  reported_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (account, contact)
);
