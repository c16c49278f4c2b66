#!/usr/bin/env bash
# Installs or upgrades Overdial next to an existing Asterisk and MariaDB or MySQL, on Debian or Ubuntu.
# Run it again to upgrade: settings, secrets and data stay. docs/install.md tells the whole story.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source_dir="$(dirname "$here")"
. "$here/lib.sh"

usage() {
    cat <<'TEXT'
Usage: install.sh [--asterisk] [--no-database] [--no-dump] [--no-start]
  --asterisk     also write Asterisk's includes (marked lines at the ends of its files) and reload it
  --no-database  make no account and no grants: [database] in overdial.toml is filled already
  --no-dump      upgrade without a dump of the databases, when migrations are pending
  --no-start     do not start or restart the service
TEXT
}

with_asterisk=no with_database=yes with_dump=yes with_start=yes
for option in "$@"; do
    case "$option" in
        --asterisk) with_asterisk=yes ;;
        --no-database) with_database=no ;;
        --no-dump) with_dump=no ;;
        --no-start) with_start=no ;;
        --help | -h) usage; exit 0 ;;
        *) usage >&2; fail "unknown option $option." ;;
    esac
done
need_root
umask 022
command -v apt-get >/dev/null || fail "this script knows Debian and Ubuntu. Fix: follow docs/install.md by hand."

install_packages() {
    local missing=()
    for package in python3 python3-venv ca-certificates; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    if [ "${#missing[@]}" -gt 0 ]; then
        say "packages: ${missing[*]}"
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends --no-remove "${missing[@]}"
    fi
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is needed, this is $(python3 -V). Fix: Debian 12, Ubuntu 24.04 or newer."
}

make_user() {
    getent group overdial >/dev/null || groupadd --system overdial
    getent passwd overdial >/dev/null ||
        useradd --system --gid overdial --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin overdial
    # To read Asterisk's CDR file. Asterisk itself gets no right on anything of ours but $SHARED.
    if getent group asterisk >/dev/null; then usermod --append --groups asterisk overdial; fi
    install -d -m 0700 -o overdial -g overdial "$STATE"
    install -d -m 0750 -o root -g overdial "$CONFIG"
}

# A virtual environment of its own for every release; the one that runs is never touched.
build_release() {
    local version stamp build
    version="$(sed -n 's/^version = "\(.*\)"/\1/p' "$source_dir/pyproject.toml")"
    stamp="$(cd "$source_dir" && { python3 -V; find pyproject.toml requirements engine migrations schema.sql \
        asterisk-conf -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-12)"
    release="$PREFIX/releases/$version-$stamp"
    if [ -f "$release/.complete" ]; then
        say "release $version-$stamp is there"
        return
    fi
    say "release $version-$stamp"
    rm -rf "$release"
    install -d -m 0755 "$PREFIX/releases"
    build="$(mktemp -d)"
    trap 'rm -rf "$build"' RETURN
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
    python3 -m venv "$release"
    note "packages (pins with hashes)"
    "$release/bin/python" -m pip install -q --require-hashes -r "$source_dir/requirements/runtime.txt"
    note "overdial itself"
    python3 -m venv "$build/venv"
    "$build/venv/bin/python" -m pip install -q --require-hashes -r "$source_dir/requirements/build.txt"
    cp -r "$source_dir" "$build/source"
    "$build/venv/bin/python" -m pip wheel -q --no-deps --no-build-isolation -w "$build" "$build/source"
    "$release/bin/python" -m pip install -q --no-deps --no-index "$build"/overdial-*.whl
    install -d "$release/share/overdial"
    cp -r "$source_dir/docs" "$source_dir/deploy" "$source_dir/asterisk-conf" "$release/share/overdial/"
    "$release/bin/overdial" --version >/dev/null
    touch "$release/.complete"
}

write_secret() { # <file> <owner:group> <text>: never replaces one that is there
    [ -s "$1" ] && return
    (umask 077 && printf '%s\n' "$3" >"$1")
    chown "$2" "$1"
    chmod 0640 "$1"
}

random() { python3 -c 'import secrets; print(secrets.token_urlsafe(32))'; }

write_settings() {
    for name in ami ari db; do
        file="$CONFIG/$name-secret"
        [ "$name" = db ] && file="$CONFIG/db-password"
        write_secret "$file" root:overdial "$(random)"
    done
    if [ ! -e "$CONFIG/overdial.toml" ]; then
        say "settings: $CONFIG/overdial.toml"
        install -m 0640 -o root -g overdial "$here/overdial.toml.example" "$CONFIG/overdial.toml"
        for socket in /run/mysqld/mysqld.sock /var/run/mysqld/mysqld.sock; do
            [ -S "$socket" ] && { uncomment socket "\"$socket\""; break; }
        done
    fi
    if [ "$with_asterisk" = yes ]; then
        uncomment cdr_file '"/var/log/asterisk/cdr-csv/Master.csv"'
        uncomment queues_file "\"$SHARED/queues.conf\""
        uncomment url '"http://127.0.0.1:8088"'
        uncomment secret_file "\"$CONFIG/ari-secret\""
        uncomment tts_folder "\"$SHARED/tts\""
    fi
}

# Gives a commented key of the example its value; one that somebody has set stays.
uncomment() { sed -i "s|^# $1 = .*|$1 = $2|" "$CONFIG/overdial.toml"; }

prepare_database() {
    [ "$with_database" = yes ] || return 0
    local ccdata ccrepo user password
    ccdata="$(setting database configuration ccdata)" ccrepo="$(setting database history ccrepo)"
    user="$(setting database user overdial)" password="$(cat "$CONFIG/db-password")"
    if [ -z "$(sql_client)" ] || ! root_sql 'SELECT 1' >/dev/null 2>&1; then
        cat >&2 <<TEXT
overdial: no database server on this machine lets root in. Run this on yours, fill [database] in
$CONFIG/overdial.toml, and run install.sh --no-database:
  CREATE USER $user@'%' IDENTIFIED BY '<the content of $CONFIG/db-password>';
  GRANT ALL ON $ccdata.* TO $user@'%'; GRANT ALL ON $ccrepo.* TO $user@'%';
TEXT
        exit 1
    fi
    say "database: account $user@localhost, rights on $ccdata and $ccrepo"
    # The password goes through a pipe: the command line of a process is everybody's to read.
    "$(sql_client)" <<SQL
CREATE USER IF NOT EXISTS '$user'@'localhost' IDENTIFIED BY '$password';
ALTER USER '$user'@'localhost' IDENTIFIED BY '$password';
GRANT ALL ON \`$ccdata\`.* TO '$user'@'localhost';
GRANT ALL ON \`$ccrepo\`.* TO '$user'@'localhost';
SQL
}

dump() { # before migrations change anything
    local file ccdata ccrepo
    ccdata="$(setting database configuration ccdata)" ccrepo="$(setting database history ccrepo)"
    install -d -m 0700 -o root -g root "$STATE/backups"
    file="$STATE/backups/before-$(basename "$release")-$(date +%Y%m%dT%H%M%S).sql.gz"
    say "dump: $file"
    (umask 077 && "$(dump_program)" --single-transaction --quick --routines --databases "$ccdata" "$ccrepo" |
        gzip >"$file")
}

bring_schema_up() {
    local pending
    pending="$(as_overdial "$release/bin/overdial" migrate --pending --config "$CONFIG/overdial.toml")"
    if [ -n "$pending" ]; then
        if [ "$with_dump" = yes ] && [ -L "$PREFIX/current" ] && [ "$with_database" = yes ]; then dump; fi
        say "schema"
        as_overdial "$release/bin/overdial" migrate --config "$CONFIG/overdial.toml" | sed 's/^/    /'
    fi
}

# Appends a line to one of Asterisk's files, once.
line() { # <file> <line>
    [ -e "$ASTERISK/$1" ] || install -m 0640 -o root -g asterisk /dev/null "$ASTERISK/$1"
    grep -qxF -e "$2" -e "$2 $MARK" "$ASTERISK/$1" && return
    [ -e "$ASTERISK/$1.before-overdial" ] || cp -p "$ASTERISK/$1" "$ASTERISK/$1.before-overdial"
    printf '%s %s\n' "$2" "$MARK" >>"$ASTERISK/$1"
    note "$1: $2"
}

# Is a key of [general] set to yes?
enabled() { sed 's/;.*//' "$ASTERISK/$1" | grep -qiE '^[[:space:]]*enabled[[:space:]]*=>?[[:space:]]*yes'; }

write_asterisk() {
    [ -d "$ASTERISK" ] || fail "there is no $ASTERISK. Fix: install Asterisk first, or leave --asterisk out."
    getent group asterisk >/dev/null || fail "there is no group asterisk. Fix: let Asterisk run as its own user."
    say "Asterisk: $ASTERISK/overdial and includes"
    rm -rf "$ASTERISK/overdial.new"
    cp -r "$source_dir/asterisk-conf/overdial" "$ASTERISK/overdial.new"
    cp -r "$source_dir/asterisk-conf/trunks" "$ASTERISK/overdial.new/trunks"
    chown -R root:asterisk "$ASTERISK/overdial.new"
    chmod -R u=rwX,g=rX,o= "$ASTERISK/overdial.new"
    rm -rf "$ASTERISK/overdial"
    mv "$ASTERISK/overdial.new" "$ASTERISK/overdial"
    install -d -m 0750 -o root -g asterisk "$ASTERISK/local"
    write_secret "$ASTERISK/local/manager-secret.conf" root:asterisk "secret = $(cat "$CONFIG/ami-secret")"
    write_secret "$ASTERISK/local/ari-secret.conf" root:asterisk "password = $(cat "$CONFIG/ari-secret")"
    install -d -m 0750 -o asterisk -g asterisk /var/log/asterisk/cdr-csv
    if ! enabled manager.conf; then
        line manager.conf '[general](+)'
        line manager.conf 'enabled = yes'
        line manager.conf 'bindaddr = 127.0.0.1'
    fi
    line manager.conf '#include overdial/manager.conf'
    if ! enabled http.conf; then
        line http.conf '[general](+)'
        line http.conf 'enabled = yes'
        line http.conf 'bindaddr = 127.0.0.1'
    fi
    line ari.conf '#include overdial/ari.conf'
    line extensions.conf '#include overdial/extensions.conf'
    line queues.conf '#include overdial/queues.conf'
    line queues.conf "#tryinclude $SHARED/queues.conf"
    line pjsip.conf '#include overdial/pjsip.conf'
    for section in general csv; do
        grep -qE "^\[$section\]" "$ASTERISK/cdr.conf" || line cdr.conf "[$section]"
    done
    line cdr.conf '#include overdial/cdr.conf'
    if command -v asterisk >/dev/null && asterisk -rx 'core waitfullybooted' >/dev/null 2>&1; then
        for command in 'manager reload' 'dialplan reload' 'module reload app_queue.so' 'module reload res_pjsip.so' \
            'module reload http' 'module reload res_ari.so' 'module reload cdr' 'module reload cdr_csv.so'; do
            asterisk -rx "$command" >/dev/null || note "asterisk -rx '$command' failed"
        done
    else
        note "Asterisk does not run; it reads this when it starts"
    fi
}

install_service() {
    say "service"
    install -D -m 0644 "$here/overdial.service" "$UNIT"
    install -m 0644 "$here/overdial-maintain.service" "$here/overdial-maintain.timer" "$UNITS/"
    if getent group asterisk >/dev/null; then
        install -D -m 0644 "$here/tmpfiles.conf" /etc/tmpfiles.d/overdial.conf
        # Without systemd (a container), the same by hand.
        if command -v systemd-tmpfiles >/dev/null; then
            systemd-tmpfiles --create /etc/tmpfiles.d/overdial.conf
        else
            install -d -m 2750 -o overdial -g asterisk "$SHARED" "$SHARED/tts"
        fi
    fi
    if [ -d /etc/logrotate.d ] && ! grep -qrs 'cdr-csv' /etc/logrotate.d; then
        install -m 0644 "$here/logrotate.conf" /etc/logrotate.d/overdial
    fi
    ln -sfn "$PREFIX/current/bin/overdial" /usr/local/bin/overdial
}

switch_to_release() {
    local before
    before="$(readlink "$PREFIX/current" || true)"
    if [ -n "$before" ] && [ "$before" != "$release" ]; then point previous "$before"; fi
    point current "$release"
    for before in "$PREFIX"/releases/*; do
        [ "$before" = "$release" ] || [ "$before" = "$(readlink "$PREFIX/previous" || true)" ] || rm -rf "$before"
    done
}

start() {
    if ! has_systemd; then
        note "systemd does not run here; start it with: $PREFIX/current/bin/overdial run --config $CONFIG/overdial.toml"
        return
    fi
    systemctl daemon-reload
    systemctl enable -q overdial
    # Old rows leave only where somebody decided so: the timer is there and not enabled.
    systemctl is-enabled -q overdial-maintain.timer ||
        note "old rows stay until you enable it: systemctl enable --now overdial-maintain.timer (see [retention])"
    if [ "$with_start" = yes ]; then systemctl restart overdial; fi
}

install_packages
make_user
build_release
write_settings
prepare_database
bring_schema_up
if [ "$with_asterisk" = yes ]; then write_asterisk; fi
switch_to_release
install_service
start
say "overdial check"
as_overdial "$PREFIX/current/bin/overdial" check --quiet --config "$CONFIG/overdial.toml" ||
    note "mend what is wrong, then: overdial check --config $CONFIG/overdial.toml"
say "done: $(basename "$release")"
