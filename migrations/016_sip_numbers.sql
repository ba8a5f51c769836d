-- What a SIP server may read, beside sip_subscriber, to find whose phone a number rings.

CREATE VIEW sip_number AS
  SELECT n.number, n.account::text AS username, s.realm AS domain
  FROM number n JOIN sip_secret s ON s.account = n.account
  WHERE n.removed_at IS NULL;
