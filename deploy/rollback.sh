#!/usr/bin/env bash
# Goes back to the release before the last upgrade. Settings and data stay.
#
# The older engine refuses a newer schema. When the upgrade brought migrations, going back means restoring the dump
# that install.sh took before them (--restore FILE): what was called since then is lost from the tables, and contacts
# may be called once more. Nobody does that by accident.
set -euo pipefail
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"

restore=''
case "${1:-}" in
    '') ;;
    --restore) restore="${2:?--restore needs a file; see $STATE/backups}" ;;
    *) fail "unknown option $1. Fix: rollback.sh [--restore /var/lib/overdial/backups/before-….sql.gz]" ;;
esac
need_root
[ -L "$PREFIX/previous" ] || fail "there is no earlier release in $PREFIX. Fix: install the version that you want."
previous="$(readlink "$PREFIX/previous")" current="$(readlink "$PREFIX/current")"
[ -x "$previous/bin/overdial" ] || fail "$previous is gone. Fix: install the version that you want."
if [ -n "$restore" ]; then [ -r "$restore" ] || fail "$restore cannot be read."; fi

fits() { as_overdial "$previous/bin/overdial" migrate --pending --config "$CONFIG/overdial.toml" 2>&1; }

stop() { if has_systemd; then systemctl stop overdial; fi; }

if ! answer="$(fits)"; then
    [ -n "$restore" ] || fail "$(basename "$previous") cannot use the present schema: ${answer#overdial: }
The dumps before the migrations: $(ls "$STATE"/backups/*.sql.gz 2>/dev/null | tail -n 1 || true)
Fix: stay, or rollback.sh --restore FILE (what happened since that dump is lost from the tables)."
    stop
    say "restoring $restore"
    for name in "$(setting database configuration ccdata)" "$(setting database history ccrepo)"; do
        root_sql "DROP DATABASE IF EXISTS \`$name\`"
    done
    gunzip -c "$restore" | "$(sql_client)"
    answer="$(fits)" || fail "the restored schema does not fit either: $answer"
elif [ -n "$restore" ]; then
    fail "$(basename "$previous") can use the present schema. Fix: rollback.sh without --restore."
else
    stop
fi
[ -z "$answer" ] || fail "$(basename "$previous") misses migrations: $answer. Fix: run its 'overdial migrate'."
point current "$previous"
point previous "$current"
if has_systemd; then systemctl start overdial; fi
say "done: $(basename "$previous")"
