-- Ids that came with more than one start or account, as the nightly check found them last.
CREATE TABLE repeated_call (
  id uuid PRIMARY KEY,
  calls integer NOT NULL,
  accounts integer NOT NULL,
  found_at timestamptz NOT NULL
);
