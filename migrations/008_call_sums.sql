-- What calls add up to, and months whose calls are no longer kept.

-- Of all accounts, hour by hour, for the operators' pages; the books do not rest on it.
CREATE TABLE call_hour (
  hour timestamptz PRIMARY KEY,
  calls bigint NOT NULL,
  answered bigint NOT NULL,
  billed_seconds bigint NOT NULL,
  amount numeric(38, 6) NOT NULL
);

-- One row: what arrived before is in call_hour.
CREATE TABLE call_hour_state (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  counted_until timestamptz NOT NULL
);

-- Billing accounts that make many calls. Theirs are summed, so that a page need not look at each of
-- them. The books do not rest on it, yet it is exact: an hour that is not complete is added up from
-- its calls.
CREATE TABLE busy_account (account bigint PRIMARY KEY);

CREATE TABLE call_sum_hour (
  billing_account bigint NOT NULL,
  hour timestamptz NOT NULL,
  -- call_sum has all calls of the hour; a call that is stored later makes it false again
  complete boolean NOT NULL DEFAULT false,
  announced_at timestamptz NOT NULL,
  announced_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (billing_account, hour)
);
CREATE INDEX call_sum_hour_incomplete ON call_sum_hour (billing_account, hour) WHERE NOT complete;

CREATE TABLE call_sum (
  billing_account bigint NOT NULL,
  -- quarter of an hour in which the calls started: days of all time zones begin with one
  quarter timestamptz NOT NULL,
  account bigint NOT NULL,
  calls integer NOT NULL,
  answered integer NOT NULL,
  billed_seconds bigint NOT NULL,
  -- as the calls show them
  amount numeric(38, 6) NOT NULL,
  -- what they took from the balance
  debited numeric(38, 6) NOT NULL,
  PRIMARY KEY (billing_account, quarter, account)
);

-- What the books still need of a month whose calls are no longer kept.
CREATE TABLE call_retired (
  billing_account bigint NOT NULL,
  -- first day, in UTC
  month date NOT NULL,
  calls bigint NOT NULL,
  -- what they took from the balance when they were stored
  amount numeric(38, 6) NOT NULL,
  PRIMARY KEY (billing_account, month)
);

-- One row, once there is such a month: calls that started earlier are in call_retired, whether
-- their partitions are still there or not.
CREATE TABLE call_retention (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  kept_from timestamptz NOT NULL
);
