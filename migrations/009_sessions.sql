-- Signing in to the portal.

CREATE TABLE session (
  digest bytea PRIMARY KEY,
  -- names a session in its owner's list; it opens nothing
  handle bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  account bigint NOT NULL REFERENCES account (username),
  address text NOT NULL,
  user_agent text NOT NULL,
  created_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL
);
CREATE INDEX session_account ON session (account);

-- Browsers in which an account has signed in before: strangers' failures do not slow them down.
CREATE TABLE known_device (
  account bigint NOT NULL REFERENCES account (username),
  digest bytea NOT NULL,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (account, digest)
);

-- Failed attempts to sign in, by whatever they are counted for.
CREATE TABLE sign_in_attempt (
  subject bytea PRIMARY KEY,
  failures integer NOT NULL,
  last_at timestamptz NOT NULL,
  blocked_until timestamptz NOT NULL
);
CREATE INDEX sign_in_attempt_last_at ON sign_in_attempt (last_at);
