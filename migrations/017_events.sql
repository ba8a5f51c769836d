-- Events for the operator's other systems, and the endpoints that receive them.

-- Written by the transaction of the change. `sequence` is given after the commit: ids are drawn
-- before it, so a reader that continues after an id would miss events of slow transactions.
CREATE TABLE event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id text NOT NULL DEFAULT 'evt_' || replace(gen_random_uuid()::text, '-', ''),
  type text NOT NULL,
  -- NULL: it concerns the installation
  account bigint,
  -- of the account, when the event got its number
  external_id text,
  at timestamptz NOT NULL,
  data jsonb NOT NULL,
  sequence bigint CONSTRAINT event_sequence UNIQUE
);
CREATE INDEX event_unnumbered ON event (id) WHERE sequence IS NULL;

-- One row: the last number given, and the process that sends events to the endpoints.
CREATE TABLE event_log (
  last bigint NOT NULL,
  sender text,
  sender_until timestamptz
);
INSERT INTO event_log (last) VALUES (0);

CREATE TABLE webhook_endpoint (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  url text NOT NULL,
  description text NOT NULL,
  -- names of types, `account.*` for a group, or `*`
  types text[] NOT NULL CHECK (cardinality(types) > 0),
  -- billing accounts whose events, and whose sub-accounts' events, are sent; none: all
  accounts bigint[] NOT NULL DEFAULT '{}',
  enabled boolean NOT NULL,
  disabled_reason text CHECK (disabled_reason IS NULL OR NOT enabled),
  secret_sealed bytea NOT NULL,
  secret_version integer NOT NULL DEFAULT 1,
  -- the previous secret, which signs as well until `previous_until`
  previous_sealed bytea,
  previous_until timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  last_success_at timestamptz,
  -- failures since the last success, and the time of the first one
  failures integer NOT NULL DEFAULT 0,
  failing_since timestamptz,
  -- after several failures there is no attempt before this time
  blocked_until timestamptz,
  -- a backlog is being sent after failures, slowly
  recovering boolean NOT NULL DEFAULT false,
  -- when administrators were informed of the failures
  warned_at timestamptz,
  CHECK ((previous_sealed IS NULL) = (previous_until IS NULL))
);

CREATE TABLE webhook_delivery (
  endpoint bigint NOT NULL,
  sequence bigint NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL,
  tried_at timestamptz,
  last_status integer,
  last_error text,
  last_took_ms integer,
  -- the beginning of the last reply
  last_reply text,
  PRIMARY KEY (endpoint, sequence)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint, next_try_at, sequence)
  WHERE state = 'pending';
CREATE INDEX webhook_delivery_failed ON webhook_delivery (endpoint, sequence) WHERE state = 'failed';

-- Whether an event has announced the rejected record.
ALTER TABLE rejected_record ADD COLUMN announced boolean NOT NULL DEFAULT false;
CREATE INDEX rejected_record_unannounced ON rejected_record (id) WHERE NOT announced;
-- Whether an event has announced that a replay settled it.
ALTER TABLE rejected_record ADD COLUMN settled_announced boolean NOT NULL DEFAULT false;
CREATE INDEX rejected_record_settled ON rejected_record (id)
  WHERE resolved_at IS NOT NULL AND dismissed_reason IS NULL AND NOT settled_announced;

-- The days before its end at which an event announced it last.
ALTER TABLE operator_key ADD COLUMN announced_days integer;
