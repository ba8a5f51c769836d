-- Balances and the ledger. Here and for calls, keys lead with the billing account, so that the rows
-- of one account lie together. They have no foreign keys, which would lock the account's row for
-- each call.

CREATE TABLE balance (
  account bigint PRIMARY KEY,
  -- sums have room for as many of the largest amounts as there may ever be
  cash numeric(38, 6) NOT NULL DEFAULT 0,
  -- what the calls in progress of the account and of those billed to it hold
  held numeric(38, 6) NOT NULL DEFAULT 0,
  billing text NOT NULL DEFAULT 'prepaid' CHECK (billing IN ('prepaid', 'postpaid')),
  -- how far below zero a postpaid balance may go before calls stop; NULL: without end
  credit_limit numeric(18, 6) CHECK (credit_limit >= 0),
  suspended boolean NOT NULL DEFAULT false,
  -- Whether the customer knows that calls are suspended. Where it differs from what is, a mail is
  -- due or, once calls work again, forgotten.
  told_of_suspension boolean NOT NULL DEFAULT false,
  -- A debit took cash below the threshold and the customer has not been told yet.
  warning_due boolean NOT NULL DEFAULT false
)
-- Room for the next version of a row on its own page: each batch of calls changes many balances,
-- and no index has to follow a row that stays where it is.
WITH (fillfactor = 25);
CREATE INDEX balance_warning_due ON balance (account) WHERE warning_due;
CREATE INDEX balance_told_of_suspension ON balance (account) WHERE suspended <> told_of_suspension;

CREATE TABLE ledger_entry (
  account bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL CHECK (kind IN ('promotion', 'payment', 'adjustment', 'credit on invoice', 'monthly charge', 'reversal')),
  amount numeric(38, 6) NOT NULL,
  reason text NOT NULL,
  reference text,
  actor text NOT NULL,
  created_at timestamptz NOT NULL,
  -- of a payment: the credit on invoice that it pays
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
-- Also for sessions that play replica.
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER append_only;
