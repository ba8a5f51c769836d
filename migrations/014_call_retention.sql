-- Months whose calls are no longer kept, each with what the books still need of it.

CREATE TABLE call_retired (
  billing_account bigint NOT NULL,
  -- first day, in UTC
  month date NOT NULL,
  calls bigint NOT NULL,
  -- what they took from the balance when they were stored
  amount numeric(24, 6) NOT NULL,
  PRIMARY KEY (billing_account, month)
);

-- One row, once there is such a month: calls that started earlier are in call_retired, whether
-- their partitions are still there or not.
CREATE TABLE call_retention (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  kept_from timestamptz NOT NULL
);
