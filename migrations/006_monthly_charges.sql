-- Services and numbers, and what is charged for them every month.

CREATE TABLE service (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account bigint NOT NULL REFERENCES account (username),
  description text NOT NULL CHECK (description NOT IN ('did', 'total')),
  monthly numeric(18, 6) NOT NULL CHECK (monthly >= 0),
  added_at timestamptz NOT NULL,
  removed_at timestamptz
);
CREATE INDEX service_account ON service (account);

CREATE TABLE number (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- as src/domain/phone-number.ts writes it
  number text NOT NULL,
  account bigint NOT NULL REFERENCES account (username),
  monthly numeric(18, 6) NOT NULL CHECK (monthly >= 0),
  added_at timestamptz NOT NULL,
  removed_at timestamptz
);
CREATE UNIQUE INDEX number_in_use ON number (number) WHERE removed_at IS NULL;
CREATE INDEX number_account ON number (account);
-- Who had a number when it was called.
CREATE INDEX number_history ON number (number, added_at);

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
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON charge_line
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE charge_line ENABLE ALWAYS TRIGGER append_only;
