-- Limits, and sign-in to the portal.

-- Attempts of a key within a span of time that ends at `expire`, in Unix milliseconds.
CREATE TABLE rate_limit (
  key varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
CREATE INDEX rate_limit_expire ON rate_limit (expire);

CREATE TABLE session (
  digest bytea PRIMARY KEY,
  -- identifies a session in its owner's list; it gives no access
  handle bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  account bigint NOT NULL REFERENCES account (username),
  address text NOT NULL,
  user_agent text NOT NULL,
  created_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL
);
CREATE INDEX session_account ON session (account);

-- Values that the next page of a session shows once: a new secret, or typed values.
CREATE TABLE kept_for_page (
  session bytea NOT NULL REFERENCES session (digest) ON DELETE CASCADE,
  path text NOT NULL,
  sealed bytea NOT NULL,
  kept_at timestamptz NOT NULL,
  PRIMARY KEY (session, path)
);

-- Browsers in which an account has signed in before. Failures of strangers cause no pauses there.
CREATE TABLE known_device (
  account bigint NOT NULL REFERENCES account (username),
  digest bytea NOT NULL,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (account, digest)
);

-- Addresses from which an account's password was given recently, for the same purpose.
CREATE TABLE known_address (
  account bigint NOT NULL REFERENCES account (username),
  digest bytea NOT NULL,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (account, digest)
);

-- Failed attempts to sign in, by subject: an address, a network, a login or a browser.
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
  -- NULL until the first code was given; codes are asked for only after that
  confirmed_at timestamptz,
  -- the time step of the last accepted code, so that no code is accepted twice
  last_step bigint NOT NULL DEFAULT 0
);

CREATE TABLE recovery_code (
  account bigint NOT NULL REFERENCES account (username),
  digest bytea NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (account, digest)
);
