-- What the calls of accounts that make many add up to, so that a page need not look at each of
-- them. The books do not rest on it, yet it is exact: an hour that is not complete is added up
-- from its calls.

-- Billing accounts whose calls are summed.
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
  amount numeric(18, 6) NOT NULL,
  -- what they took from the balance
  debited numeric(18, 6) NOT NULL,
  PRIMARY KEY (billing_account, quarter, account)
);
