#!/bin/sh
# /etc/patroni/create-database.sh: Patroni runs it once, on the first primary, as its superuser.
# Replace the password. The limits are for PgBouncer, which refuses those of a session.
set -eu
psql -v ON_ERROR_STOP=1 "$1" <<'SQL'
CREATE ROLE account_api LOGIN PASSWORD 'account-api-secret';
ALTER ROLE account_api SET lock_timeout = '2s';
ALTER ROLE account_api SET statement_timeout = '30s';
CREATE DATABASE account_api OWNER account_api;
SQL
