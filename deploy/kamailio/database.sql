-- Kamailio's role in the service's PostgreSQL. Run it once as a superuser, after the first start of
-- the service. Then set the role's password, and create Kamailio's own tables with this role:
--
--   sudo -u postgres psql account_api -f database.sql
--   sudo -u postgres psql account_api -c '\password kamailio'
--   cd /usr/share/kamailio/postgres
--   psql -h 127.0.0.1 -U kamailio account_api \
--     -f standard-create.sql -f usrloc-create.sql -f dialog-create.sql
--   sudo -u postgres psql account_api -f contacts.sql
--
-- The role can read only two views of the service: the SIP users with their HA1s and accounts, and
-- the numbers with their owners.

CREATE ROLE kamailio LOGIN;
CREATE SCHEMA kamailio AUTHORIZATION kamailio;
ALTER ROLE kamailio SET search_path = kamailio, public;
GRANT SELECT ON sip_subscriber, sip_number TO kamailio;
