-- Services and numbers, and the monthly charges for them.

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
  -- in the form of src/domain/phone-number.ts
  number text NOT NULL,
  account bigint NOT NULL REFERENCES account (username),
  monthly numeric(18, 6) NOT NULL CHECK (monthly >= 0),
  added_at timestamptz NOT NULL,
  removed_at timestamptz
);
CREATE UNIQUE INDEX number_in_use ON number (number) WHERE removed_at IS NULL;
CREATE INDEX number_account ON number (account);
-- For the owner of a number at the time of a call.
CREATE INDEX number_history ON number (number, added_at);

-- The lines of a monthly charge in the ledger.
CREATE TABLE charge_line (
  -- the account that pays, and the ledger entry
  account bigint NOT NULL,
  entry bigint NOT NULL,
  -- first day of the month that is paid for
  month date NOT NULL,
  item text NOT NULL CHECK (item IN ('service', 'number')),
  item_id bigint NOT NULL,
  -- the account that has the service or number
  owner bigint NOT NULL,
  -- the service's description, or the number
  name text NOT NULL,
  -- days of the month on which the item was there
  days integer NOT NULL,
  -- negative for a refund of a part of the month
  amount numeric(18, 6) NOT NULL,
  PRIMARY KEY (account, entry, month, item, item_id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON charge_line
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE charge_line ENABLE ALWAYS TRIGGER append_only;
