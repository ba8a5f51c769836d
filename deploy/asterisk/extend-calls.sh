#!/bin/sh
# Asks the service again for calls that go on, so that they may last longer than HOLD_SECONDS, as a user
# that may use Asterisk's control socket:
#   FEED=pbx-1:secret SERVICE=https://account.example.com extend-calls.sh
# EVERY seconds must be less than half of HOLD_SECONDS. A call that gets no more ends when what it was
# allowed last is used up; so does every call while the service is away.
set -eu
: "${FEED:?user:secret of the feed}" "${SERVICE:?address of the service}"
ASTERISK=${ASTERISK:-asterisk}

# Called channel, account, number and unique id of each call that is talking. A caller's number, which
# may hold anything, is in the middle: fields before it are counted from the left, those after it from
# the right.
talking() {
  $ASTERISK -rx 'core show channels concise' | awk -F '!' '
    $5 != "Up" { next }
    $6 == "AppDial" { called[$(NF - 1)] = $1 }
    $2 ~ /^account-api-/ && $6 == "Dial" { calling[$(NF - 1)] = $(NF - 5) " " $3 " " $NF }
    END { for (bridge in calling) if (bridge in called) print called[bridge], calling[bridge] }'
}

extend() { # called channel, account, number, unique id
  answer=$(printf 'user = "%s"\n' "$FEED" | curl --config - --fail --silent --max-time 5 \
    --data "{\"account\": \"$2\", \"dst\": \"$3\", \"call_id\": \"$4-$3\"}" \
    "$SERVICE/ingest/v1/authorize") || return 0
  seconds=$(expr "$answer" : '.*"max_seconds": \([0-9]*\)') || return 0
  # Early rather than late; 0 would be no limit.
  [ "$seconds" -le 1 ] || seconds=$((seconds - 1))
  $ASTERISK -rx "dialplan set chanvar $1 TIMEOUT(absolute) $seconds" >/dev/null
}

while sleep "${EVERY:-60}"; do
  talking | while read -r channel account number id; do
    extend "$channel" "$account" "$number" "$id"
  done
done
