#!/bin/sh
# Delivers Master.csv to the service, from cron every minute, as the user that Asterisk runs as.
# A file is sent in the run after the one that set it apart, when nothing writes to it any more,
# and kept under sent/ once the service has it. Sending one again does no harm.
#   * * * * * FEED=pbx-1:secret SERVICE=https://account.example.com /usr/local/sbin/send-cdr.sh
set -eu
: "${FEED:?user:secret of the feed}" "${SERVICE:?address of the service}"
cd "${CDR_DIR:-/var/log/asterisk/cdr-csv}"
mkdir -p sending sent

for file in sending/*.csv; do
  [ -e "$file" ] || continue
  gzip -c "$file" | curl --fail --silent --show-error --max-time 50 --user "$FEED" \
    --data-binary @- "$SERVICE/ingest/v1/calls/asterisk" >/dev/null
  mv "$file" sent/
done
[ ! -s Master.csv ] || mv Master.csv "sending/$(date -u +%Y%m%dT%H%M%SZ)-$$.csv"
