#!/bin/sh
# Arguments: remove or upgrade from dpkg; 0 for a removal, 1 for an upgrade from rpm.
set -e

if [ "$1" = remove ] || [ "$1" = 0 ]; then
	if [ -d /run/systemd/system ]; then
		systemctl disable --now revox_exporter.service
	fi
fi
