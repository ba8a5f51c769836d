#!/bin/sh
# Delivers the records of cdr_custom.conf to the service every few seconds. Run it as the user of
# Asterisk:
#   FEED=pbx-1:secret SERVICE=https://account.example.com send-cdr.sh
# One round sets a file apart; the next one sends it, because then nothing writes to it any more. A
# delivered file is kept under sent/. A file that is too large is split. A single record that is too
# large is kept under too-large/. Sending a file twice does no harm. With ONCE=1 the script ends
# after one round, with status 1 if a file was not taken.
set -eu
: "${FEED:?user:secret of the feed}" "${SERVICE:?address of the service}"
cd "${CDR_DIR:-/var/log/asterisk/cdr-custom}"
mkdir -p sending sent too-large

send() { # file
  { echo id,account,start,duration,cid,dst,cn,ip,call_id,outcome; cat "$1"; } | gzip >body.gz
  status=$(printf 'user = "%s"\n' "$FEED" | curl --config - --silent --show-error --max-time 50 \
    --output /dev/null --write-out '%{http_code}' --data-binary @body.gz \
    "$SERVICE/ingest/v1/calls/generic") || true
  case $status in
    200) mv "$1" sent/ ;;
    413)
      lines=$(wc -l <"$1")
      if [ "$lines" -gt 1 ]; then
        split -l $(((lines + 1) / 2)) -a 1 --additional-suffix=.csv "$1" "${1%.csv}-"
        rm "$1"
      else
        mv "$1" too-large/
      fi
      ;;
    *) echo "$1 was not taken: status $status" >&2 ;;
  esac
  [ "$status" = 200 ]
}

round() {
  failed=0
  # A file that is not taken does not stop the others.
  for file in sending/*.csv; do
    [ ! -e "$file" ] || send "$file" || failed=1
  done
  [ ! -s account-api.csv ] || mv account-api.csv "sending/$(date -u +%Y%m%dT%H%M%SZ)-$$.csv"
  return "$failed"
}

while :; do
  round && status=0 || status=1
  [ -z "${ONCE:-}" ] || exit "$status"
  sleep "${EVERY:-5}"
done
