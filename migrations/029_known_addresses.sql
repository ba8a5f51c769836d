-- Addresses from which an account gave its password lately: strangers' failures do not slow them down.
CREATE TABLE known_address (
  account bigint NOT NULL REFERENCES account (username),
  digest bytea NOT NULL,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (account, digest)
);
