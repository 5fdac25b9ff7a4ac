#!/bin/sh
# Makes the user before the files that belong to its group are unpacked.
set -e

if ! getent passwd revox_exporter >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/revox_exporter --no-create-home --shell /usr/sbin/nologin \
		--comment "revox_exporter" revox_exporter
fi
