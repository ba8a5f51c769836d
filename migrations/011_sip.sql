-- Registrations, SIP credentials, and what SIP servers may read of them.

CREATE TABLE registration (
  account bigint NOT NULL,
  contact text NOT NULL,
  -- The address that the switch saw it come from, as a SIP URI.
  received text,
  user_agent text NOT NULL DEFAULT '',
  reported_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- Of switches that do not tell when they report: a digest of the Call-ID of the phone's REGISTER, and
  -- its CSeq.
  call_id text,
  cseq bigint,
  PRIMARY KEY (account, contact)
);

-- Contacts that a switch keeps in this database itself. There are none until the operator replaces
-- this view by one over the switch's table, as deploy/kamailio does for `location`.
CREATE VIEW switch_contact (username, contact, received, user_agent, reported_at, expires_at) AS
  SELECT NULL::text, NULL::text, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz
  WHERE false;

-- A random secret for each account, which is never its password.
CREATE TABLE sip_secret (
  account bigint PRIMARY KEY REFERENCES account (username),
  realm text NOT NULL,
  -- MD5 of user:realm:secret, all that a SIP server needs to check a digest
  ha1 text NOT NULL,
  sealed bytea NOT NULL,
  version integer NOT NULL,
  changed_at timestamptz NOT NULL
);

-- SIP servers look for the text.
CREATE INDEX sip_secret_username ON sip_secret ((account::text));

-- What a SIP server may read, and all of it: it is granted nothing else here. Kamailio 6 takes a
-- column of the type text for bytes, and checks no digest against it.
CREATE VIEW sip_subscriber AS
  SELECT s.account::text AS username, s.realm AS domain, s.ha1::varchar
  FROM sip_secret s JOIN account a ON a.username = s.account
  WHERE a.enabled AND a.closed_at IS NULL;

-- Whose phone a number rings.
CREATE VIEW sip_number AS
  SELECT n.number, n.account::text AS username, s.realm AS domain
  FROM number n JOIN sip_secret s ON s.account = n.account
  WHERE n.removed_at IS NULL;
