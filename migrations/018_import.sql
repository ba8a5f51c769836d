-- Imports from another system.

CREATE TABLE import_run (
  id text PRIMARY KEY,
  kind text NOT NULL,
  -- how the file is read; never a secret
  options jsonb NOT NULL,
  -- the file of a command; NULL: parts that were sent
  file text,
  -- SHA-256 of the file, once it was read
  digest text,
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'finished', 'discarded')),
  -- how far it is: the pass over the file, and the last line of this pass that is stored
  pass integer NOT NULL DEFAULT 1,
  line bigint NOT NULL DEFAULT 0,
  rows bigint,
  -- sums of money, by name
  sums jsonb NOT NULL DEFAULT '{}',
  -- what the file has that is not imported
  remarks jsonb NOT NULL DEFAULT '[]',
  actor text NOT NULL,
  origin text NOT NULL,
  -- id of the operator key that began it; NULL: the command
  created_by text,
  created_at timestamptz NOT NULL,
  finished_at timestamptz
);

-- What became of each row. It holds no value of the file but the name of the row.
CREATE TABLE import_row (
  run text NOT NULL REFERENCES import_run (id) ON DELETE CASCADE,
  line bigint NOT NULL,
  key text NOT NULL,
  account bigint,
  status text NOT NULL
    CHECK (status IN ('created', 'updated', 'unchanged', 'skipped', 'failed')),
  errors jsonb NOT NULL DEFAULT '[]',
  invited_at timestamptz,
  PRIMARY KEY (run, line)
);

-- What the rows of a file are called, with the first line that has the name. They are digests, and
-- deleted when the import ends.
CREATE TABLE import_name (
  run text NOT NULL REFERENCES import_run (id) ON DELETE CASCADE,
  name uuid NOT NULL,
  line bigint NOT NULL,
  PRIMARY KEY (run, name)
);

-- Parts of a file that a client sent, sealed: a file of another system has secrets.
CREATE TABLE import_part (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run text NOT NULL REFERENCES import_run (id) ON DELETE CASCADE,
  part integer NOT NULL,
  digest text NOT NULL,
  sealed bytea NOT NULL,
  UNIQUE (run, part)
);

-- Hashes of another system that were not verified yet. The first good sign-in replaces them.
CREATE INDEX account_imported_password ON account (username) WHERE password_hash LIKE '$imported$%';

-- Milliseconds that a check of a password takes at least while such hashes are left.
CREATE TABLE sign_in_floor (
  single boolean PRIMARY KEY CHECK (single),
  ms integer NOT NULL
);
