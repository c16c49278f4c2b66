#!/usr/bin/env bash
# Installs the Debian/Ubuntu packages that the demo and the tests need: a database server
# without a service, SIPp as the carrier of the tests, and what a virtual environment needs.
# Idempotent: a package that is there is left alone; no service of the machine is touched.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

command -v apt-get >/dev/null 2>&1 || fail "this script installs Debian packages and finds no apt-get. Fix: run it on Debian 12/13 or Ubuntu 24.04."

# Other steps name the packages that they need; without a name, those of the demo and the tests.
wanted=("$@")
[ "${#wanted[@]}" -gt 0 ] || wanted=(mariadb-server-core mariadb-client-core sip-tester)

missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi

say "Debian packages: ${missing[*]}"
need_disk 700
get_root "${missing[*]}"
quietly "package lists" apt-update.log as_root apt-get update -q
# --no-remove: a database server of the machine that stands in the way stays where it is.
if ! as_root apt-get install -q -y --no-install-recommends --no-remove --simulate "${missing[@]}" \
    >"$LAB_DIR/log/apt-simulate.log" 2>&1; then
    tail -n 5 "$LAB_DIR/log/apt-simulate.log" >&2
    fail "${missing[*]} cannot be installed beside what this machine has (see above). Fix: use a machine or container without a conflicting database server."
fi
quietly "install ${missing[*]}" apt-install.log as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends --no-remove "${missing[@]}"
