#!/bin/sh
# Asks the service again for calls that go on, so that they may last longer than HOLD_SECONDS, as a user
# that may use Asterisk's control socket:
#   FEED=pbx-1:secret SERVICE=https://account.example.com extend-calls.sh
# EVERY seconds must be less than half of HOLD_SECONDS. A call that gets no more ends when what it was
# allowed last is used up; so does every call while the service is away.
set -eu
: "${FEED:?user:secret of the feed}" "${SERVICE:?address of the service}"
ASTERISK=${ASTERISK:-asterisk}

# Of each call that is talking: the called channel, the calling one, account, number and call_id. A
# channel that a transfer left without the one that dialled it, or that it dialled, stands for both. The
# number of a caller, which may hold anything, is in the middle of a line: fields before it are counted
# from the left, those after it from the right.
talking() {
  $ASTERISK -rx 'core show channels concise' | awk -F '!' '
    $5 != "Up" { next }
    $6 == "AppDial" && $1 ~ /^PJSIP\/trunk-/ { legs[$1] = $(NF - 5) " " $8 " " $NF "-left"; bridge[$1] = $(NF - 1) }
    $6 == "AppDial" { called[$(NF - 1)] = $1 }
    # Nothing but its parties ends an emergency call.
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
  # Early rather than late; 0 would be no limit.
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
