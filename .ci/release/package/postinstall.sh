#!/bin/sh
# Arguments: configure OLD-VERSION from dpkg; 1 for an installation, 2 for an upgrade from rpm.
set -e

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart revox_exporter.service
fi
if [ "$1" = 1 ] || { [ "$1" = configure ] && [ -z "$2" ]; }; then
	cat <<-'TEXT'
		revox_exporter is installed, but not started. Put the API key into FILE, then:
		  install -m 0640 -g revox_exporter FILE /etc/revox_exporter/api-key
		  systemctl enable --now revox_exporter
	TEXT
fi
