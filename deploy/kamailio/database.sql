-- What Kamailio needs in the service's PostgreSQL: run it once there as a superuser, after the
-- service was started once. Then give the role a password, and make Kamailio's own tables as it:
--
--   sudo -u postgres psql account_api -f database.sql
--   sudo -u postgres psql account_api -c '\password kamailio'
--   cd /usr/share/kamailio/postgres
--   psql -h 127.0.0.1 -U kamailio account_api \
--     -f standard-create.sql -f usrloc-create.sql -f dialog-create.sql
--   sudo -u postgres psql account_api -f contacts.sql
--
-- The role reads two views of the service, who may register with which HA1 and whose a number is,
-- and nothing else.

CREATE ROLE kamailio LOGIN;
CREATE SCHEMA kamailio AUTHORIZATION kamailio;
ALTER ROLE kamailio SET search_path = kamailio, public;
GRANT SELECT ON sip_subscriber, sip_number TO kamailio;
