#!/bin/sh
# Extends calls in progress, so that they may last longer than HOLD_SECONDS. Run it as a user who
# may use Asterisk's control socket:
#   FEED=pbx-1:secret SERVICE=https://account.example.com extend-calls.sh
# EVERY seconds must be less than half of HOLD_SECONDS. If a call gets no more time, it ends when
# its granted time is used up. The same happens to every call while the service is away.
set -eu
: "${FEED:?user:secret of the feed}" "${SERVICE:?address of the service}"
ASTERISK=${ASTERISK:-asterisk}

# For each call in conversation: called channel, calling channel, account, number and call_id. If a
# transfer has removed one of the two channels, the other is printed as both. The caller's number
# may contain anything and is in the middle of a line. So fields before it are counted from the
# left, fields after it from the right.
talking() {
  $ASTERISK -rx 'core show channels concise' | awk -F '!' '
    $5 != "Up" { next }
    $6 == "AppDial" && $1 ~ /^PJSIP\/trunk-/ { legs[$1] = $(NF - 5) " " $8 " " $NF "-left"; bridge[$1] = $(NF - 1) }
    $6 == "AppDial" { called[$(NF - 1)] = $1 }
    # Only its parties end an emergency call.
    $6 == "Dial" && $2 == "account-api-emergency" { unlimited[$(NF - 1)] }
    $6 == "Dial" && ($2 == "account-api-call" || $2 == "account-api-ring") {
      calls[$1] = $(NF - 5) " " $3 " " $NF "-" $3
      bridge[$1] = $(NF - 1)
      dialled[$1] = $2 == "account-api-ring" ? "PJSIP/" $(NF - 5) "-" : "PJSIP/trunk-"
    }
    END {
      for (calling in calls) {
        peer = called[bridge[calling]]
        if (index(peer, dialled[calling]) != 1) peer = calling
        delete legs[peer]
        print peer, calling, calls[calling]
      }
      for (leg in legs) if (!(bridge[leg] in unlimited)) print leg, leg, legs[leg]
    }'
}

extend() { # called channel, calling channel, account, number, call_id
  answer=$(printf 'user = "%s"\n' "$FEED" | curl --config - --fail --silent --max-time 5 \
    --data "{\"account\": \"$3\", \"dst\": \"$4\", \"call_id\": \"$5\"}" \
    "$SERVICE/ingest/v1/authorize") || return 0
  seconds=$(expr "$answer" : '.*"max_seconds": \([0-9]*\)') || return 0
  # Cut early rather than late; 0 would mean no limit.
  [ "$seconds" -le 1 ] || seconds=$((seconds - 1))
  for channel in "$1" "$2"; do
    $ASTERISK -rx "dialplan set chanvar $channel TIMEOUT(absolute) $seconds" >/dev/null
  done
}

while sleep "${EVERY:-60}"; do
  talking | while read -r called calling account number id; do
    extend "$called" "$calling" "$account" "$number" "$id"
  done
done
