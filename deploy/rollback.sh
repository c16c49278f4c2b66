#!/usr/bin/env bash
# Goes back to the release before the last upgrade. Settings and data stay.
#
# The older engine refuses a newer schema. When the upgrade brought migrations, going back means restoring the dump
# that install.sh took before them (--restore FILE): what was called since then is lost from the tables, and contacts
# may be called once more. Nobody does that by accident.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/lib.sh"
. "$here/database.sh"

restore=''
read_options() {
    case "${1:-}" in
        '') ;;
        --restore) restore="${2:?--restore needs a file; see $STATE/backups}" ;;
        *) fail "unknown option $1. Fix: rollback.sh [--restore $STATE/backups/before-….sql.gz]" ;;
    esac
}

fits() { as_overdial "$previous/bin/overdial" migrate --pending --config "$CONFIG/overdial.toml" 2>&1; }

stop() { if has_systemd; then systemctl stop overdial; fi; }
start() { if has_systemd; then systemctl start overdial; fi; }

# Puts the databases back to a dump. Nothing is dropped before the dump has been read to its end and the present
# state lies in a dump of its own.
restore_dump() { # <file>
    local fault ccdata ccrepo name present='' there=()
    ccdata="$(setting database configuration ccdata)" ccrepo="$(setting database history ccrepo)"
    fault="$(dump_fault "$1" "$ccdata" "$ccrepo")"
    [ -z "$fault" ] || fail "$1 is no dump to go back to: $fault. Nothing was changed. Fix: name another one of \
$STATE/backups."
    reach_as_root || reach_as_account
    sql <<<'SELECT 1;' >/dev/null || fail "the database does not let this script in. Nothing was changed. Fix: start \
it, or correct [database] in $CONFIG/overdial.toml."
    mapfile -t there < <(databases_there "$ccdata" "$ccrepo")
    stop
    if [ "${#there[@]}" -gt 0 ]; then
        present="$STATE/backups/replaced-$(date +%Y%m%dT%H%M%S.%3N).sql.gz"
        say "dump of the present state: $present"
        write_dump "$present" "${there[@]}" || {
            start
            fail "no dump of the present state could be made. Nothing was changed. Fix: what is said above."
        }
    fi
    say "restoring $1"
    for name in "${there[@]}"; do sql <<<"DROP DATABASE $(sql_name "$name");"; done
    gunzip -c "$1" | sql || fail "the server did not take $1 to its end, and the engine is stopped. Fix: mend what the \
server says and restore again${present:+; the state of before is in $present}."
}

main() {
    local answer fit previous current
    read_options "$@"
    need_root
    [ -L "$PREFIX/previous" ] || fail "there is no earlier release in $PREFIX. Fix: install the version that you want."
    previous="$(readlink "$PREFIX/previous")" current="$(readlink "$PREFIX/current")"
    [ -x "$previous/bin/overdial" ] || fail "$previous is gone. Fix: install the version that you want."
    if [ -n "$restore" ]; then [ -r "$restore" ] || fail "$restore cannot be read."; fi

    if answer="$(fits)"; then fit=yes; else fit=no; fi
    if [ -n "$restore" ]; then
        # Pending migrations: an earlier restoration broke off.
        [ "$fit" = no ] || [ -n "$answer" ] ||
            fail "$(basename "$previous") can use the present schema. Fix: rollback.sh without --restore."
        restore_dump "$restore"
        answer="$(fits)" || fail "the restored schema does not fit either: $answer"
    elif [ "$fit" = no ]; then
        fail "$(basename "$previous") cannot use the present schema: ${answer#overdial: }
The dump before the migrations: $(find "$STATE/backups" -name 'before-*.sql.gz' -printf '%T@ %p\n' 2>/dev/null |
            sort -n | tail -n 1 | cut -d ' ' -f 2-)
Fix: stay, or rollback.sh --restore FILE (what happened since that dump is lost from the tables)."
    fi
    [ -z "$answer" ] || fail "$(basename "$previous") misses migrations: $answer. Fix: run its 'overdial migrate'."
    stop
    point current "$previous"
    point previous "$current"
    start
    say "done: $(basename "$previous")"
}

# Tests read this file for its parts.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
