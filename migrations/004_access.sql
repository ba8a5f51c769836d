-- Limits, and signing in to the portal.

-- Attempts of a key within a span of time that ends at `expire`, in Unix milliseconds.
CREATE TABLE rate_limit (
  key varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
CREATE INDEX rate_limit_expire ON rate_limit (expire);

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

-- What the next page of a session shows once: a new secret, or what was typed before it ended.
CREATE TABLE kept_for_page (
  session bytea NOT NULL REFERENCES session (digest) ON DELETE CASCADE,
  path text NOT NULL,
  sealed bytea NOT NULL,
  kept_at timestamptz NOT NULL,
  PRIMARY KEY (session, path)
);

-- Browsers in which an account has signed in before: strangers' failures do not slow them down.
CREATE TABLE known_device (
  account bigint NOT NULL REFERENCES account (username),
  digest bytea NOT NULL,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (account, digest)
);

-- Addresses from which an account gave its password lately, for the same.
CREATE TABLE known_address (
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
