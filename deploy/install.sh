#!/usr/bin/env bash
# Installs or upgrades Overdial next to an existing Asterisk and MariaDB or MySQL, on Debian or Ubuntu.
# Run it again to upgrade: settings, secrets and data stay. docs/install.md tells the whole story.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source_dir="$(dirname "$here")"
. "$here/lib.sh"
. "$here/database.sh"
. "$here/asterisk.sh"

usage() {
    cat <<'TEXT'
Usage: install.sh [--asterisk] [--no-database] [--no-dump] [--no-start]
  --asterisk     also write Asterisk's includes (marked lines at the ends of its files) and reload it
  --no-database  make no account and no grants: the account in overdial.toml is there and has its rights
  --no-dump      upgrade without a dump of the databases, when migrations are pending
  --no-start     do not start or restart the service
TEXT
}

with_asterisk=no with_database=yes with_dump=yes with_start=yes
read_options() {
    local option
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
}

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
    python3 -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is needed, this is $(python3 -V). Fix: Debian 12, Ubuntu 24.04 or newer."
}

make_user() {
    getent group overdial >/dev/null || groupadd --system overdial
    getent passwd overdial >/dev/null ||
        useradd --system --gid overdial --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin overdial
    # To read Asterisk's CDR file. Asterisk itself gets no right on anything of ours but $SHARED.
    if getent group asterisk >/dev/null; then usermod --append --groups asterisk overdial; fi
    install -d -m 0700 -o overdial -g overdial "$STATE"
    # What an uninstallation kept was root's meanwhile.
    find "$STATE" -mindepth 1 -maxdepth 1 -user root ! -name backups -exec chown -hR overdial:overdial {} +
    install -d -m 0750 -o root -g overdial "$CONFIG"
}

# A virtual environment of its own for every release; the one that runs is never touched.
build_release() {
    local version stamp build
    version="$(sed -n 's/^version = "\(.*\)"/\1/p' "$source_dir/pyproject.toml")"
    stamp="$(cd "$source_dir" && { python3 -V; find pyproject.toml requirements engine migrations schema.sql \
        asterisk-conf deploy docs -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-12)"
    release="$PREFIX/releases/$version-$stamp"
    if [ -f "$release/.complete" ]; then
        say "release $version-$stamp is there"
        return
    fi
    say "release $version-$stamp"
    rm -rf "$release"
    install -d -m 0755 "$PREFIX/releases"
    build="$(mktemp -d)"
    trap 'rm -rf "$build"; trap - RETURN' RETURN
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

# Never replaces one that is there; a run that is cut off leaves a whole one or none.
write_secret() { # <file> <owner:group> <text>
    [ -s "$1" ] && return
    (umask 077 && printf '%s\n' "$3" >"$1.new")
    chown "$2" "$1.new"
    chmod 0640 "$1.new"
    mv "$1.new" "$1"
}

random() { python3 -I -c 'import secrets; print(secrets.token_urlsafe(32))'; }

write_settings() {
    local name file socket example="$here/overdial.toml.example"
    for name in ami ari db; do
        file="$CONFIG/$name-secret"
        [ "$name" = db ] && file="$CONFIG/db-password"
        write_secret "$file" root:overdial "$(random)"
    done
    if [ ! -e "$CONFIG/overdial.toml" ]; then
        say "settings: $CONFIG/overdial.toml"
        install -m 0640 -o root -g overdial "$example" "$CONFIG/overdial.toml.new"
        for socket in /run/mysqld/mysqld.sock /var/run/mysqld/mysqld.sock; do
            [ -S "$socket" ] && { SETTINGS="$CONFIG/overdial.toml.new" fill database socket "\"$socket\"" "$example"; break; }
        done
        mv "$CONFIG/overdial.toml.new" "$CONFIG/overdial.toml"
    fi
    if [ "$with_asterisk" = yes ]; then
        fill asterisk cdr_file "\"$LOGS/cdr-csv/Master.csv\"" "$example"
        fill asterisk queues_file "\"$SHARED/queues.conf\"" "$example"
        fill ari tts_folder "\"$SHARED/tts\"" "$example"
        # An address or a secret that somebody gave goes with the other one of his own.
        if [ -z "$(setting ari url '')$(setting ari secret '')$(setting ari secret_file '')" ]; then
            fill ari url '"http://127.0.0.1:8088"' "$example"
            fill ari secret_file "\"$CONFIG/ari-secret\"" "$example"
        fi
    fi
}

# The account and rights, where overdial.toml leaves them to this script: it names the password that we made.
prepare_database() {
    [ "$with_database" = yes ] || return 0
    local ccdata ccrepo user
    ccdata="$(setting database configuration ccdata)" ccrepo="$(setting database history ccrepo)"
    user="$(setting database user overdial)"
    if [ "$(setting database password_file '')" != "$CONFIG/db-password" ]; then
        say "database: the account $user and its rights stay as they are (overdial.toml gives its own password)"
        return
    fi
    if ! reach_as_root; then
        cat >&2 <<TEXT
overdial: no database server on this machine lets root in. Run this on yours, fill [database] in
$CONFIG/overdial.toml, and run install.sh --no-database:
  CREATE USER $user@'%' IDENTIFIED BY '<the content of $CONFIG/db-password>';
  GRANT ALL ON $ccdata.* TO $user@'%'; GRANT ALL ON $ccrepo.* TO $user@'%';
TEXT
        exit 1
    fi
    say "database: account $user@localhost, rights on $ccdata and $ccrepo"
    make_account "$user" "$ccdata" "$ccrepo"
}

dump() { # before migrations change anything
    local file ccdata ccrepo
    ccdata="$(setting database configuration ccdata)" ccrepo="$(setting database history ccrepo)"
    file="$STATE/backups/before-$(basename "$release")-$(date +%Y%m%dT%H%M%S).sql.gz"
    if [ "$with_database" = no ] || ! reach_as_root; then reach_as_account; fi
    say "dump: $file"
    write_dump "$file" "$ccdata" "$ccrepo" ||
        fail "no dump of $ccdata and $ccrepo could be made, so nothing was changed. Fix: what is said above; or make a \
dump yourself and run this with --no-dump."
}

bring_schema_up() {
    local pending
    pending="$(as_overdial "$release/bin/overdial" migrate --pending --config "$CONFIG/overdial.toml")"
    [ -n "$pending" ] || return 0
    # Where even the first one is pending, there is no schema of ours yet.
    if [[ "$pending" != 0001_* ]]; then
        if [ "$with_dump" = yes ]; then dump; else say "no dump before the migrations (--no-dump)"; fi
    fi
    say "schema"
    as_overdial "$release/bin/overdial" migrate --config "$CONFIG/overdial.toml" | sed 's/^/    /'
}

write_asterisk() {
    [ -d "$ASTERISK" ] || fail "there is no $ASTERISK. Fix: install Asterisk first, or start it, so that it says where \
its files are; or leave --asterisk out."
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
    install -d -m 0750 -o asterisk -g asterisk "$LOGS/cdr-csv"
    switch_on manager.conf
    line manager.conf '#include overdial/manager.conf'
    switch_on http.conf
    section ari.conf general
    line ari.conf '#include overdial/ari.conf'
    line extensions.conf '#include overdial/extensions.conf'
    line queues.conf '#include overdial/queues.conf'
    line queues.conf "#tryinclude $SHARED/queues.conf"
    line pjsip.conf '#include overdial/pjsip.conf'
    section cdr.conf general
    section cdr.conf csv
    line cdr.conf '#include overdial/cdr.conf'
    if asterisk_runs; then reload_asterisk; else note "Asterisk does not run; it reads this when it starts"; fi
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
        sed "s|/var/log/asterisk|$LOGS|" "$here/logrotate.conf" >/etc/logrotate.d/overdial
        chmod 0644 /etc/logrotate.d/overdial
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

main() {
    read_options "$@"
    need_root
    umask 022
    find_asterisk
    command -v apt-get >/dev/null || fail "this script knows Debian and Ubuntu. Fix: follow docs/install.md by hand."
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
}

# Tests read this file for its parts.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
