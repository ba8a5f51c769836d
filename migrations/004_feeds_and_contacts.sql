-- What feeds and registrations of more switches need.

-- Where a switch writes local times without a zone.
ALTER TABLE feed ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC';

-- The address that the switch saw a registration come from, as a SIP URI.
ALTER TABLE registration ADD COLUMN received text;

-- Contacts that a switch keeps in this database itself. There are none until the operator replaces
-- this view by one over the switch's table, as deploy/kamailio does for `location`.
CREATE VIEW switch_contact (username, contact, received, user_agent, reported_at, expires_at) AS
  SELECT NULL::text, NULL::text, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz
  WHERE false;
