#!/bin/sh
# As the official one does: the data belong to the broker's user where root starts it.
set -e
if [ "$(id -u)" = 0 ] && [ -d /mosquitto ]; then
    chown -R mosquitto:mosquitto /mosquitto || true
fi
exec "$@"
