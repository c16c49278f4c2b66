#!/usr/bin/env bash
# Removes Overdial. Settings, secrets, the journal of outcomes and the databases stay, unless told otherwise.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/lib.sh"
. "$here/database.sh"
. "$here/asterisk.sh"

usage() {
    cat <<'TEXT'
Usage: uninstall.sh [--keep-asterisk] [--purge [--drop-databases]]
  --keep-asterisk   leave /etc/asterisk as it is: its own files go on using our templates
  --purge           also remove settings, secrets, the journal, registries and the account that install.sh made;
                    archived rows and dumps stay
  --drop-databases  also drop both databases and remove archived rows and dumps
TEXT
}

keep_asterisk=no purge=no drop=no
ccdata='' ccrepo='' user='' archive="$STATE/archive"
read_options() {
    local option
    for option in "$@"; do
        case "$option" in
            --keep-asterisk) keep_asterisk=yes ;;
            --purge) purge=yes ;;
            --drop-databases) drop=yes ;;
            --help | -h) usage; exit 0 ;;
            *) usage >&2; fail "unknown option $option." ;;
        esac
    done
    [ "$drop" = no ] || [ "$purge" = yes ] || fail "--drop-databases goes with --purge only."
}

# Without our templates Asterisk would refuse the operator's whole file.
refuse_uses() {
    local uses
    uses="$(uses_of_ours)"
    [ -z "$uses" ] || fail "Asterisk's files still use what is to be removed; without it whole files would not load. \
Nothing was changed.
$uses
Fix: take these lines out, or run uninstall.sh --keep-asterisk, which leaves $ASTERISK as it is."
}

# Before anything is removed: an overdial.toml that says which databases, which account and which archive are meant.
read_settings() {
    [ "$purge" = yes ] || return 0
    if [ -e "$CONFIG/overdial.toml" ]; then
        ccdata="$(setting database configuration ccdata)" ccrepo="$(setting database history ccrepo)"
        user="$(setting database user overdial)" archive="$(setting retention archive "$STATE/archive")"
    elif [ "$drop" = yes ]; then
        fail "there is no $CONFIG/overdial.toml to name the databases. Nothing was changed. Fix: drop them by hand, and \
run uninstall.sh --purge."
    fi
}

# A journal with entries holds outcomes that are in no table yet.
refuse_outcomes() {
    [ "$purge" = yes ] && [ "$drop" = no ] || return 0
    [ -z "$(find "$STATE/journal" -type f -size +0 2>/dev/null)" ] ||
        fail "$STATE/journal holds outcomes that are not in the tables yet; the service is stopped. Fix: start the \
engine once with the database there (systemctl start overdial), or add --drop-databases to lose them with the rest."
}

leave_asterisk() {
    local file
    say "Asterisk's includes"
    for file in "$ASTERISK"/*.conf; do
        if grep -qsF "$MARK" "$file"; then take_out "$file" | sed 's/^/    /'; fi
    done
    rm -rf "$ASTERISK/overdial"
    # Nobody else's manager or ARI user may be without its secret.
    if [ "$purge" = yes ]; then
        for file in manager-secret.conf ari-secret.conf; do
            grep -RqsE "^[^;]*include[^;]*local/$file" "$ASTERISK/" || rm -f "$ASTERISK/local/$file"
        done
        rmdir --ignore-fail-on-non-empty "$ASTERISK/local" 2>/dev/null || true
    fi
    if asterisk_runs; then reload_asterisk; fi
}

drop_database() {
    local ours name
    [ -n "$user" ] || return 0
    if [ "$drop" = yes ]; then
        say "databases $ccdata and $ccrepo"
        reach_as_root || reach_as_account
        for name in "$ccdata" "$ccrepo"; do sql <<<"DROP DATABASE IF EXISTS $(sql_name "$name");"; done
    fi
    ours="$(cat "$(account_mark)" 2>/dev/null || true)"
    [ "$user" = "$ours" ] || note "kept: the database account $user, which install.sh did not make"
    if [ -z "$ours" ]; then
        return
    elif reach_as_root && sql <<<"DROP USER IF EXISTS $(sql_text "$ours")@'localhost';"; then
        note "gone: the database account $ours@localhost"
    else
        note "kept: the database account $ours@localhost (root does not get in to drop it)"
    fi
}

# Rows that `overdial maintain` took out of the tables are nowhere else, and a dump is often the last way back.
remove_data() {
    local entry
    say "settings, secrets, data"
    for entry in "$STATE"/* "$STATE"/.[!.]*; do
        [ -e "$entry" ] || continue
        if [ "$drop" = no ] && [ -n "$(ls -A "$entry")" ] &&
            { [ "$entry" = "$STATE/backups" ] || [[ "$archive/" == "$entry"/* ]]; }; then
            # The user goes, and whoever gets its number next must not read them.
            chown -hR root:root "$entry"
            note "kept: $entry (--drop-databases removes it)"
        else
            rm -rf "$entry"
            note "gone: $entry"
        fi
    done
    rmdir "$STATE" 2>/dev/null || chown root:root "$STATE" 2>/dev/null || true
    for entry in "$CONFIG" "$SHARED"; do
        [ ! -e "$entry" ] || note "gone: $entry"
        rm -rf "$entry"
    done
    if getent passwd overdial >/dev/null; then userdel overdial; fi
    if getent group overdial >/dev/null; then groupdel overdial; fi
}

main() {
    local unit
    read_options "$@"
    need_root
    find_asterisk
    read_settings
    [ "$keep_asterisk" = yes ] || refuse_uses
    if has_systemd; then
        for unit in overdial-maintain.timer overdial-maintain.service overdial; do
            systemctl stop -q "$unit" 2>/dev/null || true
        done
    fi
    refuse_outcomes
    if has_systemd; then systemctl disable -q overdial-maintain.timer overdial 2>/dev/null || true; fi
    if [ "$keep_asterisk" = yes ]; then note "kept: $ASTERISK with our files and lines"; else leave_asterisk; fi

    say "service and program"
    rm -f "$UNIT" "$UNITS"/overdial-maintain.{service,timer} /etc/tmpfiles.d/overdial.conf \
        /etc/logrotate.d/overdial /usr/local/bin/overdial
    if has_systemd; then systemctl daemon-reload; fi
    if [ "$purge" = yes ]; then
        drop_database
        remove_data
    fi
    rm -rf "$PREFIX"
    say "done"
    [ "$purge" = yes ] || note "kept: $CONFIG, $STATE, the databases (--purge and --drop-databases remove them)"
    [ "$drop" = yes ] || [ "$purge" = no ] || note "kept: the databases (--drop-databases removes them)"
}

# Tests read this file for its parts.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
