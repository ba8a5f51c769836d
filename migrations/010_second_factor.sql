-- The second factor of the portal: codes of an authenticator (RFC 6238), or recovery codes.

CREATE TABLE second_factor (
  account bigint PRIMARY KEY REFERENCES account (username),
  sealed bytea NOT NULL,
  version integer NOT NULL,
  -- NULL until the first code was given: till then it is not asked for
  confirmed_at timestamptz,
  -- the time step of the last code that was taken: no code is taken twice
  last_step bigint NOT NULL DEFAULT 0
);

CREATE TABLE recovery_code (
  account bigint NOT NULL REFERENCES account (username),
  digest bytea NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (account, digest)
);
