-- Registrations, SIP credentials, and the views that SIP servers may read.

CREATE TABLE registration (
  account bigint NOT NULL,
  contact text NOT NULL,
  -- The source address that the switch saw, as a SIP URI.
  received text,
  user_agent text NOT NULL DEFAULT '',
  reported_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- For switches that send no time of the report: a digest of the Call-ID of the phone's REGISTER,
  -- and its CSeq.
  call_id text,
  cseq bigint,
  PRIMARY KEY (account, contact)
);

-- Contacts that a switch stores in this database itself. The view is empty until the operator
-- replaces it by one over the switch's table, as deploy/kamailio does for `location`.
CREATE VIEW switch_contact (username, contact, received, user_agent, reported_at, expires_at) AS
  SELECT NULL::text, NULL::text, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz
  WHERE false;

-- A random secret for each account; it is not the account's password.
CREATE TABLE sip_secret (
  account bigint PRIMARY KEY REFERENCES account (username),
  -- The user of its phones: the username, or a name that they had on an earlier system. A name of ten
  -- digits would be taken for another account.
  sip_user text NOT NULL CONSTRAINT sip_secret_user UNIQUE
    CHECK (sip_user ~ '^[A-Za-z0-9_.+-]{1,64}$'
      AND (sip_user !~ '^[1-9][0-9]{9}$' OR sip_user = account::text)),
  realm text NOT NULL,
  -- MD5 of user:realm:secret; a SIP server needs only this to check a digest
  ha1 text NOT NULL,
  sealed bytea NOT NULL,
  version integer NOT NULL,
  changed_at timestamptz NOT NULL
);

-- A SIP server may read only this view and `sip_number`. Kamailio 6 reads a column of the type text
-- as bytes and cannot check a digest against it, so ha1 is varchar.
CREATE VIEW sip_subscriber AS
  SELECT s.sip_user AS username, s.realm AS domain, s.ha1::varchar, s.account::text AS account
  FROM sip_secret s JOIN account a ON a.username = s.account
  WHERE a.enabled AND a.closed_at IS NULL;

-- The account whose phones a number rings, and the SIP user of these phones.
CREATE VIEW sip_number AS
  SELECT n.number, s.sip_user AS username, s.realm AS domain, n.account::text AS account
  FROM number n JOIN sip_secret s ON s.account = n.account
  WHERE n.removed_at IS NULL;
