-- Customers' keys for reading, beside the key that the API itself answers.

CREATE TABLE named_key (
  id text PRIMARY KEY,
  account bigint NOT NULL REFERENCES account (username),
  name text NOT NULL,
  -- networks from which it may be used; none: from anywhere
  networks text[] NOT NULL DEFAULT '{}',
  digest bytea NOT NULL CONSTRAINT named_key_digest UNIQUE,
  -- the last characters of the secret; they identify the key of a leaked secret
  tail text NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  last_address text
);
CREATE INDEX named_key_account ON named_key (account) WHERE revoked_at IS NULL;
