-- Feeds and the calls that they deliver.

CREATE TABLE feed (
  name text PRIMARY KEY,
  format text NOT NULL,
  secret_digest bytea NOT NULL,
  -- the previous secret, which is accepted until `previous_expires_at`
  previous_digest bytea,
  previous_expires_at timestamptz,
  networks text[] NOT NULL DEFAULT '{}',
  debits text NOT NULL DEFAULT 'service' CHECK (debits IN ('service', 'switch')),
  -- The time zone of local times without a zone.
  time_zone text NOT NULL DEFAULT 'UTC',
  -- The country of dialled numbers without a country code.
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
  -- the part of the amount that is not rate times seconds: a connection fee, or the rest up to the
  -- minimum charge; NULL: nothing
  fee numeric(18, 6),
  -- false where the switch debited the amount in its own books
  debited boolean NOT NULL,
  feed text NOT NULL,
  content_digest bytea NOT NULL,
  received_at timestamptz NOT NULL,
  -- true: a call to an emergency number, for which prefixes do not count; NULL: no
  emergency boolean,
  -- How a call without talk time ended, where the switch reported it. A call with talk time was
  -- answered, and has NULL.
  outcome text CONSTRAINT call_outcome CHECK (outcome IN ('answered', 'busy', 'no answer', 'cancelled',
    'declined', 'unavailable', 'failed')),
  PRIMARY KEY (billing_account, account, started_at, id),
  -- A call's identity is its id and its start, without the billing account. So a record that is repeated
  -- after its number or account changed owner is the same call. The start leads, so new calls
  -- go to the right end of the index.
  CONSTRAINT call_identity UNIQUE (started_at, id)
) PARTITION BY RANGE (started_at);
-- Rows lie in the order of their receipt, so a small index over ranges of blocks finds new calls.
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
  -- when it was billed or dismissed
  resolved_at timestamptz,
  dismissed_reason text CHECK (dismissed_reason IS NULL OR resolved_at IS NOT NULL),
  CONSTRAINT rejected_record_once UNIQUE (feed, digest)
);
CREATE INDEX rejected_record_open ON rejected_record (id) WHERE resolved_at IS NULL;

-- Ids with more than one start or account: the result of the last nightly check.
CREATE TABLE repeated_call (
  id uuid PRIMARY KEY,
  calls integer NOT NULL,
  accounts integer NOT NULL,
  found_at timestamptz NOT NULL
);
