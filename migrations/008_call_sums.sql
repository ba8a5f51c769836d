-- Sums of calls, and months whose calls are no longer kept.

-- Sums over all accounts by hour, for the operators' pages. The books do not use them.
CREATE TABLE call_hour (
  hour timestamptz PRIMARY KEY,
  calls bigint NOT NULL,
  answered bigint NOT NULL,
  billed_seconds bigint NOT NULL,
  amount numeric(38, 6) NOT NULL
);

-- One row: calls that arrived before this time are in call_hour.
CREATE TABLE call_hour_state (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  counted_until timestamptz NOT NULL
);

-- Billing accounts with many calls. Their calls are summed, so a page need not read each call. The
-- books do not use the sums. The sums are exact: a page adds up an incomplete hour from its calls.
CREATE TABLE busy_account (account bigint PRIMARY KEY);

CREATE TABLE call_sum_hour (
  billing_account bigint NOT NULL,
  hour timestamptz NOT NULL,
  -- true: call_sum has all calls of the hour; a later call makes it false again
  complete boolean NOT NULL DEFAULT false,
  announced_at timestamptz NOT NULL,
  announced_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (billing_account, hour)
);
CREATE INDEX call_sum_hour_incomplete ON call_sum_hour (billing_account, hour) WHERE NOT complete;

CREATE TABLE call_sum (
  billing_account bigint NOT NULL,
  -- quarter of an hour in which the calls started: in all time zones a day begins with one
  quarter timestamptz NOT NULL,
  account bigint NOT NULL,
  calls integer NOT NULL,
  answered integer NOT NULL,
  billed_seconds bigint NOT NULL,
  -- as the calls show it
  amount numeric(38, 6) NOT NULL,
  -- what the calls took from the balance
  debited numeric(38, 6) NOT NULL,
  PRIMARY KEY (billing_account, quarter, account)
);

-- The sums that the books need of a month whose calls are no longer kept.
CREATE TABLE call_retired (
  billing_account bigint NOT NULL,
  -- the month's first day, in UTC
  month date NOT NULL,
  calls bigint NOT NULL,
  -- what the calls took from the balance when they were stored
  amount numeric(38, 6) NOT NULL,
  PRIMARY KEY (billing_account, month)
);

-- One row, once a month is retired: calls that started before kept_from are in call_retired, even
-- while their partitions still exist.
CREATE TABLE call_retention (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  kept_from timestamptz NOT NULL
);
