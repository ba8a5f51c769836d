-- Balances and the ledger. Here and for calls, keys begin with the billing account, so the rows of
-- one account are stored together. They have no foreign keys, because these would lock the
-- account's row for each call.

-- The currency of all amounts: one row.
CREATE TABLE currency (
  code text NOT NULL,
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);

CREATE TABLE balance (
  account bigint PRIMARY KEY,
  -- wide enough for sums of many of the largest amounts
  cash numeric(38, 6) NOT NULL DEFAULT 0,
  -- money held for the calls in progress of the account and its sub-accounts
  held numeric(38, 6) NOT NULL DEFAULT 0,
  billing text NOT NULL DEFAULT 'prepaid' CHECK (billing IN ('prepaid', 'postpaid')),
  -- money that a postpaid account may owe before calls stop; NULL: no limit
  credit_limit numeric(18, 6) CHECK (credit_limit >= 0),
  suspended boolean NOT NULL DEFAULT false,
  -- Whether the customer was informed of the suspension. If only `suspended` is true, a mail is
  -- due; if only this is true, it is reset without a mail.
  told_of_suspension boolean NOT NULL DEFAULT false,
  -- The last debit of calls was the one that suspended it.
  just_suspended boolean NOT NULL DEFAULT false,
  -- A debit took cash below the threshold, and the customer was not informed yet.
  warning_due boolean NOT NULL DEFAULT false,
  -- what calls may take in a day of the account's time zone; NULL: any amount
  day_limit numeric(18, 6) CHECK (day_limit >= 0),
  -- the end of a daily limit that only new accounts have
  day_limit_until timestamptz,
  -- what calls took on the last day on which any were stored
  spent_on date,
  -- the end of that day in the account's time zone
  day_ends timestamptz,
  spent_today numeric(38, 6) NOT NULL DEFAULT 0,
  -- the part of the limit that was reached that day, in percent: 0, 80 or 100
  limit_level smallint NOT NULL DEFAULT 0,
  -- the customer and the operator were not informed of that level yet
  limit_due boolean NOT NULL DEFAULT false,
  -- what calls took in the last hour in which any were stored
  spent_hour timestamptz,
  spent_in_hour numeric(38, 6) NOT NULL DEFAULT 0
)
-- Leaves room for new versions of a row on its page, because each batch of calls changes many
-- balances. A row that stays on its page needs no new index entry.
WITH (fillfactor = 25);
CREATE INDEX balance_warning_due ON balance (account) WHERE warning_due;
CREATE INDEX balance_limit_due ON balance (account) WHERE limit_due;
CREATE INDEX balance_day_limit_until ON balance (day_limit_until) WHERE day_limit_until IS NOT NULL;
CREATE INDEX balance_suspended ON balance (account) WHERE suspended;
CREATE INDEX balance_told_of_suspension ON balance (account) WHERE suspended <> told_of_suspension;

-- What the calls of an account usually cost in an hour in which it calls.
CREATE TABLE usual_hour (
  account bigint PRIMARY KEY,
  amount numeric(38, 6) NOT NULL,
  reckoned_at timestamptz NOT NULL,
  -- when the operator was last informed of an unusual hour
  told_at timestamptz
);

CREATE TABLE ledger_entry (
  account bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL CHECK (kind IN ('promotion', 'payment', 'adjustment', 'credit on invoice', 'monthly charge', 'reversal')),
  amount numeric(38, 6) NOT NULL,
  reason text NOT NULL,
  reference text,
  actor text NOT NULL,
  created_at timestamptz NOT NULL,
  -- for a payment: the credit on invoice that it pays
  settles bigint CHECK (settles IS NULL OR kind = 'payment'),
  PRIMARY KEY (account, id),
  CONSTRAINT ledger_entry_reference UNIQUE (account, reference)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Active also in sessions with session_replication_role = replica.
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER append_only;
