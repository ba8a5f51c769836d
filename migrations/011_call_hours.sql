-- What all calls add up to, hour by hour, for the operators' pages; the books do not rest on it.

CREATE TABLE call_hour (
  hour timestamptz PRIMARY KEY,
  calls bigint NOT NULL,
  answered bigint NOT NULL,
  billed_seconds bigint NOT NULL,
  amount numeric(24, 6) NOT NULL
);

-- One row: what arrived before is in call_hour.
CREATE TABLE call_hour_state (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  counted_until timestamptz NOT NULL
);

-- Rows come in the order in which they are received, so a few bytes for each range of them find
-- what is new.
CREATE INDEX call_received_at ON call USING brin (received_at) WITH (autosummarize = on);
