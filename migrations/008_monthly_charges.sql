-- Monthly charges, and books that are only ever added to.

ALTER TABLE account
  -- First day of the month that is charged next; NULL: the account never paid for anything monthly.
  ADD COLUMN next_charge date CHECK (extract(day FROM next_charge) = 1),
  -- Fails with "time zone … not recognized" for a zone that PostgreSQL does not know.
  ADD CONSTRAINT account_time_zone CHECK (timezone(time_zone, timestamptz 'epoch') IS NOT NULL);
CREATE INDEX account_next_charge ON account (next_charge, username) WHERE next_charge IS NOT NULL;

UPDATE account m SET next_charge =
  (date_trunc('month', now() AT TIME ZONE m.time_zone) + interval '1 month')::date
WHERE EXISTS (
  SELECT FROM account a WHERE a.master_account = m.username AND a.closed_at IS NULL AND (
    EXISTS (SELECT FROM service s WHERE s.account = a.username AND s.removed_at IS NULL)
    OR EXISTS (SELECT FROM number n WHERE n.account = a.username AND n.removed_at IS NULL)));

-- What a monthly charge in the ledger is made of.
CREATE TABLE charge_line (
  -- who pays, and the ledger entry
  account bigint NOT NULL,
  entry bigint NOT NULL,
  -- first day of the month that is paid for
  month date NOT NULL,
  item text NOT NULL CHECK (item IN ('service', 'number')),
  item_id bigint NOT NULL,
  -- who has the service or number
  owner bigint NOT NULL,
  -- the service's description, or the number
  name text NOT NULL,
  -- of the month, for which the item was there
  days integer NOT NULL,
  -- what the customer pays: negative where a part of the month is given back
  amount numeric(18, 6) NOT NULL,
  PRIMARY KEY (account, entry, month, item, item_id)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON charge_line
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Also for sessions that play replica.
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE charge_line ENABLE ALWAYS TRIGGER append_only;
