-- Feeds and the calls that they deliver.

CREATE TABLE feed (
  name text PRIMARY KEY,
  format text NOT NULL,
  secret_digest bytea NOT NULL,
  networks text[] NOT NULL DEFAULT '{}',
  debits text NOT NULL DEFAULT 'service' CHECK (debits IN ('service', 'switch')),
  -- Where a switch writes local times without a zone.
  time_zone text NOT NULL DEFAULT 'UTC',
  -- Where a switch dials: what its numbers without a country code mean.
  country text NOT NULL DEFAULT 'US' REFERENCES numbering_plan (country),
  created_at timestamptz NOT NULL,
  last_seen_at timestamptz
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
  -- what of the amount is not rate times seconds: a connection fee, or what is lacking to the least
  -- charge; NULL: nothing
  fee numeric(18, 6),
  -- false where the switch took the amount from its own books
  debited boolean NOT NULL,
  feed text NOT NULL,
  content_digest bytea NOT NULL,
  received_at timestamptz NOT NULL,
  -- to an emergency number, which no prefix prices; NULL: no
  emergency boolean,
  PRIMARY KEY (billing_account, account, started_at, id),
  -- A call's identity is its id and its start, whoever pays for it: a record that comes again after
  -- its number or its account changed hands is the same call. The start leads, so that new calls go
  -- to the right end of the index.
  CONSTRAINT call_identity UNIQUE (started_at, id)
) PARTITION BY RANGE (started_at);
-- Rows come in the order in which they are received, so a few bytes for each range of them find
-- what is new.
CREATE INDEX call_received_at ON call USING brin (received_at) WITH (autosummarize = on);

-- Records that cannot be billed.
CREATE TABLE rejected_record (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  feed text NOT NULL,
  format text NOT NULL,
  reason text NOT NULL,
  detail text NOT NULL,
  raw bytea NOT NULL,
  digest bytea NOT NULL,
  received_at timestamptz NOT NULL,
  -- when it was billed after all, or dismissed
  resolved_at timestamptz,
  dismissed_reason text CHECK (dismissed_reason IS NULL OR resolved_at IS NOT NULL),
  CONSTRAINT rejected_record_once UNIQUE (feed, digest)
);
CREATE INDEX rejected_record_open ON rejected_record (id) WHERE resolved_at IS NULL;

-- Ids that came with more than one start or account, as the nightly check found them last.
CREATE TABLE repeated_call (
  id uuid PRIMARY KEY,
  calls integer NOT NULL,
  accounts integer NOT NULL,
  found_at timestamptz NOT NULL
);
