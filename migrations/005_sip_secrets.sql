-- SIP credentials: a random secret for each account, which is never its password.

CREATE TABLE sip_secret (
  account bigint PRIMARY KEY REFERENCES account (username),
  realm text NOT NULL,
  -- MD5 of user:realm:secret, all that a SIP server needs to check a digest
  ha1 text NOT NULL,
  sealed bytea NOT NULL,
  version integer NOT NULL,
  changed_at timestamptz NOT NULL
);

-- What a SIP server may read, and all of it: it is granted nothing else here.
CREATE VIEW sip_subscriber AS
  SELECT s.account::text AS username, s.realm AS domain, s.ha1
  FROM sip_secret s JOIN account a ON a.username = s.account
  WHERE a.enabled AND a.closed_at IS NULL;
