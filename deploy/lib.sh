# Shared by install.sh, rollback.sh and uninstall.sh. Sourced, never run.

PREFIX=/opt/overdial
CONFIG=/etc/overdial
STATE=/var/lib/overdial
SHARED=/var/lib/overdial-asterisk
ASTERISK=/etc/asterisk
UNITS=/etc/systemd/system
UNIT=/etc/systemd/system/overdial.service
#: Lines that install.sh adds to files of others end with this, and uninstall.sh takes them out by it.
MARK='; overdial'

say()  { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
fail() { printf 'overdial: %s\n' "$*" >&2; exit 1; }

need_root() { [ "$(id -u)" -eq 0 ] || fail "this needs root. Fix: run it with sudo."; }
has_systemd() { [ -d /run/systemd/system ]; }
as_overdial() { runuser -u overdial -- "$@"; }

# Points PREFIX/<name> at a release, in one step: there is never a moment without one.
point() {
    ln -sfn "$2" "$PREFIX/.$1.new"
    mv -T "$PREFIX/.$1.new" "$PREFIX/$1"
}

# The client of the database server that is there.
sql_client() { command -v mariadb || command -v mysql || true; }
dump_program() { command -v mariadb-dump || command -v mysqldump || true; }

# Runs a statement as the server's root over its socket; fails when that is not possible.
root_sql() { "$(sql_client)" --batch --skip-column-names -e "$1"; }

# A value of /etc/overdial/overdial.toml: <section> <key> <default>.
setting() {
    python3 - "$CONFIG/overdial.toml" "$1" "$2" "$3" <<'PY'
import sys, tomllib
path, section, key, default = sys.argv[1:]
with open(path, "rb") as file:
    print(tomllib.load(file).get(section, {}).get(key, default))
PY
}
