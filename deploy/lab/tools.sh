#!/usr/bin/env bash
# Unpacks Debian packages whose programs the tests need below the lab, without installing them: Prometheus (with
# promtool) and MariaDB's client tools (dump, binlog). No service, no user, a few seconds. Idempotent.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# unpack <package> <one of its programs>
unpack() {
    local package="$1" program="$2" new="$LAB_DIR/tools.new"
    [ -x "$LAB_DIR/tools/usr/bin/$program" ] && return
    command -v "$program" >/dev/null 2>&1 && return
    command -v apt-get >/dev/null 2>&1 || fail "this script unpacks Debian packages and finds no apt-get. Fix: install $package so that $program is in the PATH."
    say "$package, to be tried without being installed"
    need_disk 250
    apt-cache show "$package" >/dev/null 2>&1 || quietly "package lists" apt-update.log as_root apt-get update -q
    rm -rf "$new"
    mkdir -p "$new"
    (cd "$new" && quietly "download $package" "$package.log" apt-get download -q "$package")
    dpkg-deb -x "$new/$package"_*.deb "$new"
    rm -f "$new/$package"_*.deb
    mkdir -p "$LAB_DIR/tools"
    cp -a "$new/." "$LAB_DIR/tools/"
    rm -rf "$new"
}

unpack prometheus promtool
unpack mariadb-client mariadb-dump
