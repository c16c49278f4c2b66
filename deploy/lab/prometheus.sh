#!/usr/bin/env bash
# Unpacks Debian's prometheus (with promtool) below the lab, without installing it: no service, no user, some
# three seconds. Idempotent; a prometheus that the machine has is used as it is.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

command -v prometheus >/dev/null 2>&1 && command -v promtool >/dev/null 2>&1 && exit 0
[ -x "$LAB_DIR/prometheus/usr/bin/promtool" ] && exit 0
command -v apt-get >/dev/null 2>&1 || fail "this script unpacks a Debian package and finds no apt-get. Fix: install prometheus so that it is in the PATH."

say "Prometheus, to try rules and dashboards"
need_disk 250
apt-cache show prometheus >/dev/null 2>&1 || quietly "package lists" apt-update.log as_root apt-get update -q
new="$LAB_DIR/prometheus.new"
rm -rf "$new"
mkdir -p "$new"
(cd "$new" && quietly "download prometheus" prometheus.log apt-get download -q prometheus)
dpkg-deb -x "$new"/prometheus_*.deb "$new"
rm -f "$new"/prometheus_*.deb
rm -rf "$LAB_DIR/prometheus"
mv "$new" "$LAB_DIR/prometheus"
