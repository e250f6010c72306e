#!/bin/bash
# The work of the official entrypoint: volumes given to the server's user, first set-up from secret files, then the server.
set -eu
data=/var/lib/influxdb2
if [ "$(id -u)" = 0 ]; then
    find "$data" /etc/influxdb2 ! -user influxdb -exec chown influxdb:influxdb {} +
    exec gosu influxdb "$0" "$@"
fi
[ "$1" = influxd ] || exec "$@"
password=$(cat "$DOCKER_INFLUXDB_INIT_PASSWORD_FILE") token=$(cat "$DOCKER_INFLUXDB_INIT_ADMIN_TOKEN_FILE")
[ -n "$password" ] && [ -n "$token" ]
if influxd version | grep -q 'v1\.\|^InfluxDB v1'; then
    # 1.x has neither bucket nor token: the service makes its database, and no token is asked for.
    cat > "$data/stand-in.conf" <<CONF
reporting-disabled = true
bind-address = "0.0.0.0:8088"
[meta]
dir = "$data/meta"
[data]
dir = "$data/data"
wal-dir = "$data/wal"
index-version = "tsi1"
query-log-enabled = false
[monitor]
store-enabled = false
[http]
bind-address = ":8086"
log-enabled = false
CONF
    exec influxd -config "$data/stand-in.conf"
fi
options=(--bolt-path "$data/influxd.bolt" --sqlite-path "$data/influxd.sqlite" --engine-path "$data/engine" --reporting-disabled)
if [ ! -e "$data/influxd.bolt" ]; then
    influxd "${options[@]}" --http-bind-address 127.0.0.1:9999 & first=$!
    until curl -sf http://127.0.0.1:9999/health >/dev/null; do sleep 0.2; done
    curl -sf http://127.0.0.1:9999/api/v2/setup -H 'Content-Type: application/json' >/dev/null -d "{
        \"username\": \"$DOCKER_INFLUXDB_INIT_USERNAME\", \"password\": \"$password\", \"token\": \"$token\",
        \"org\": \"$DOCKER_INFLUXDB_INIT_ORG\", \"bucket\": \"$DOCKER_INFLUXDB_INIT_BUCKET\", \"retentionPeriodSeconds\": 0}"
    kill "$first"; wait "$first" || true
fi
exec influxd "${options[@]}"
