#!/bin/sh
# Argument: remove, purge or upgrade from dpkg; 0 for a removal, 1 for an upgrade from rpm. A purge removes the key and
# the state. The user stays, so that no other one gets its number.
set -e

if [ "$1" = purge ]; then
	rm -f /etc/revox_exporter/api-key
	rm -rf /var/lib/revox_exporter
	rmdir --ignore-fail-on-non-empty /etc/revox_exporter 2>/dev/null || true
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
