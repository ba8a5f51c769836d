-- Lets the service read the contacts in Kamailio's table `location`. Run it once as a superuser,
-- after database.sql and Kamailio's usrloc-create.sql. Kamailio writes local times, so it must run
-- with TZ=UTC. Contacts left by a killed Kamailio are ignored once they have expired.

CREATE OR REPLACE VIEW switch_contact (username, contact, received, user_agent, reported_at,
    expires_at) AS
  SELECT username::text, contact::text, nullif(received, '')::text, user_agent::text,
    last_modified AT TIME ZONE 'UTC', expires AT TIME ZONE 'UTC'
  FROM kamailio.location;

DO $$
DECLARE
  service name := (SELECT viewowner FROM pg_views
    WHERE schemaname = 'public' AND viewname = 'switch_contact');
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA kamailio TO %I', service);
  EXECUTE format('GRANT SELECT ON kamailio.location TO %I', service);
END $$;
