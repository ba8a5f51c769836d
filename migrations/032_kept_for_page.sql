-- What the next page of a session shows once: a new secret, or what was typed before it ended.
CREATE TABLE kept_for_page (
  session bytea NOT NULL REFERENCES session (digest) ON DELETE CASCADE,
  path text NOT NULL,
  sealed bytea NOT NULL,
  kept_at timestamptz NOT NULL,
  PRIMARY KEY (session, path)
);
