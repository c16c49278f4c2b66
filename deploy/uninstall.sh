#!/usr/bin/env bash
# Removes Overdial. Settings, secrets, the journal of outcomes and the databases stay, unless told otherwise.
set -euo pipefail
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"

purge=no drop=no
for option in "$@"; do
    case "$option" in
        --purge) purge=yes ;;
        --drop-databases) drop=yes ;;
        *) fail "unknown option $option. Fix: uninstall.sh [--purge [--drop-databases]]" ;;
    esac
done
[ "$drop" = no ] || [ "$purge" = yes ] || fail "--drop-databases goes with --purge only."
need_root

if has_systemd; then
    for unit in overdial-maintain.timer overdial-maintain.service overdial; do
        systemctl disable --now -q "$unit" 2>/dev/null || true
    done
fi
# A journal with entries holds outcomes that are in no table yet.
if [ "$purge" = yes ] && [ -n "$(find "$STATE/journal" -type f -size +0 2>/dev/null)" ] && [ "$drop" = no ]; then
    fail "$STATE/journal holds outcomes that are not in the tables yet. Fix: start the engine once with the database \
there, or add --drop-databases to lose them with the rest."
fi

say "Asterisk's includes"
for file in "$ASTERISK"/*.conf; do
    if grep -qsF "$MARK" "$file"; then
        sed -i "/$MARK\$/d" "$file"
        note "$(basename "$file")"
    fi
done
if command -v asterisk >/dev/null && asterisk -rx 'core waitfullybooted' >/dev/null 2>&1; then
    asterisk -rx 'core reload' >/dev/null
fi

say "service and program"
rm -f "$UNIT" "$UNITS"/overdial-maintain.{service,timer} /etc/tmpfiles.d/overdial.conf /etc/logrotate.d/overdial /usr/local/bin/overdial
if has_systemd; then systemctl daemon-reload; fi
rm -rf "$ASTERISK/overdial"

if [ "$purge" = yes ]; then
    if [ "$drop" = yes ]; then
        say "databases"
        for name in "$(setting database configuration ccdata)" "$(setting database history ccrepo)"; do
            root_sql "DROP DATABASE IF EXISTS \`$name\`"
        done
        root_sql "DROP USER IF EXISTS '$(setting database user overdial)'@'localhost'"
    fi
    say "settings, secrets, journal"
    rm -rf "$CONFIG" "$STATE" "$SHARED"
    rm -f "$ASTERISK/local/manager-secret.conf" "$ASTERISK/local/ari-secret.conf"
    if getent passwd overdial >/dev/null; then userdel overdial; fi
    if getent group overdial >/dev/null; then groupdel overdial; fi
fi
rm -rf "$PREFIX"
say "done"
[ "$purge" = yes ] || note "kept: $CONFIG, $STATE, the databases (--purge removes them)"
