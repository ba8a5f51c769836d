-- Rerating: calls are priced again.

-- A run that prices the calls of a range again. Each of its steps can be interrupted:
-- 'rating' writes call_rating, 'posting' one ledger entry for each billing account, 'applying'
-- brings the calls up to date.
CREATE TABLE rerating (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  account bigint,
  price_list text,
  reason text NOT NULL,
  actor text NOT NULL,
  started_at timestamptz NOT NULL,
  step text NOT NULL DEFAULT 'rating' CHECK (step IN ('rating', 'posting', 'applying', 'done')),
  -- the last call that was read
  at_started timestamptz,
  at_id uuid,
  looked_at bigint NOT NULL DEFAULT 0,
  finished_at timestamptz
);
CREATE UNIQUE INDEX rerating_one_at_a_time ON rerating ((true)) WHERE finished_at IS NULL;

-- A call's billing before and after a run. The books count the first debit, because the ledger has
-- the difference.
CREATE TABLE call_rating (
  billing_account bigint NOT NULL,
  account bigint NOT NULL,
  started_at timestamptz NOT NULL,
  id uuid NOT NULL,
  rerating bigint NOT NULL,
  rate_before numeric(12, 6) NOT NULL,
  rate_after numeric(12, 6) NOT NULL,
  billed_seconds_before integer NOT NULL,
  billed_seconds_after integer NOT NULL,
  amount_before numeric(18, 6) NOT NULL,
  amount_after numeric(18, 6) NOT NULL,
  fee_before numeric(18, 6),
  fee_after numeric(18, 6),
  -- true: the call shows amount_after
  applied boolean NOT NULL DEFAULT false,
  PRIMARY KEY (billing_account, account, started_at, id, rerating)
);
CREATE INDEX call_rating_pending ON call_rating (rerating, billing_account) WHERE NOT applied;
