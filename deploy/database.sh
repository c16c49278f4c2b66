# The database server as the scripts see it: who may in, the engine's account, dumps. Sourced, never run.
# shellcheck shell=bash

# The programs of the database server that is there.
sql_client() { command -v mariadb || command -v mysql || true; }
dump_program() { command -v mariadb-dump || command -v mysqldump || true; }

#: Options that lead to the server which overdial.toml names; reach_as_… sets them.
reach=()

# As the server's root over its socket. Fails where the server is another machine's, does not let root in, or is
# not the one behind the default socket.
reach_as_root() {
    local socket host port
    [ -n "$(sql_client)" ] || return 1
    socket="$(setting database socket '')" host="$(setting database host 127.0.0.1)"
    port="$(setting database port 3306)"
    reach=(--protocol=socket)
    if [ -n "$socket" ]; then
        reach+=(--socket="$socket")
        sql <<<'SELECT 1;' >/dev/null 2>&1
    else
        case "$host" in 127.* | localhost | ::1) ;; *) return 1 ;; esac
        [ "$(sql <<<'SELECT @@port;' 2>/dev/null)" = "$port" ]
    fi
}

# As the account of overdial.toml. Its password goes through a file: a command line is everybody's to read.
reach_as_account() {
    local options
    options="$(account_options)" || return 1
    if [ -z "${account_file:-}" ]; then
        account_file="$(mktemp)"
        trap 'rm -f "$account_file"' EXIT
    fi
    printf '%s\n' "$options" >"$account_file"
    reach=(--defaults-file="$account_file")
}

account_options() {
    py "$CONFIG/overdial.toml" <<'PY'
import sys, tomllib
try:
    with open(sys.argv[1], "rb") as file:
        section = tomllib.load(file).get("database", {})
    password = section.get("password", "")
    if section.get("password_file"):  # the engine, too, takes it before the other
        with open(section["password_file"], encoding="utf-8") as file:
            password = file.read().strip()
except (OSError, tomllib.TOMLDecodeError) as error:
    sys.exit(f"overdial: {error}. Fix: mend [database] in {sys.argv[1]}.")
lines = {"user": section.get("user", "overdial"), "password": password}
if section.get("socket"):
    lines |= {"protocol": "socket", "socket": section["socket"]}
else:
    lines |= {"protocol": "tcp", "host": section.get("host", "127.0.0.1"), "port": section.get("port", 3306)}
print("[client]")
for key, value in lines.items():
    value = str(value).replace("\\", "\\\\").replace('"', '\\"')
    print(f'{key}="{value}"')
PY
}

# The client, with the statements from its standard input.
sql() { "$(sql_client)" "${reach[@]}" --batch --skip-column-names; }

# The same for statements that hold a password. In this session a backslash escapes, whatever the server's default
# is; and of a refused statement nothing is shown.
sql_with_secrets() {
    local said
    said="$({ printf "SET SESSION sql_mode = '';\n" && cat; } | sql 2>&1)" ||
        fail "the database server refused: ${said%% near *}"
}

# A text and a name as SQL writes them.
sql_text() {
    local quote="'" backslash=$'\\' text
    text="${1//"$backslash"/"$backslash$backslash"}"
    printf "'%s'" "${text//"$quote"/"$quote$quote"}"
}
sql_name() { printf "\`%s\`" "${1//\`/\`\`}"; }

#: Names the account that install.sh made, and that it may therefore change and uninstall.sh may remove.
account_mark() { printf '%s' "$CONFIG/database-account"; }
is_our_account() { [ "$(cat "$(account_mark)" 2>/dev/null)" = "$1" ]; }

account_exists() { # <user>
    local query
    query="SELECT COUNT(*) FROM mysql.user WHERE host = 'localhost' AND user = $(sql_text "$1");"
    [ "$(sql <<<"$query")" = 1 ]
}

account_opens() { # does overdial.toml's account get in?
    (reach_as_account && sql <<<'SELECT 1;' >/dev/null 2>&1)
}

# As the engine reads it: without the space around it.
database_password() {
    python3 -I -c 'import sys; print(open(sys.argv[1], encoding="utf-8").read().strip(), end="")' "$CONFIG/db-password"
}

# The engine's account and its rights. What somebody else made is left as it is.
make_account() { # <user> <database>…
    local user="$1" account password name
    shift
    case "$user" in
        root | mysql | mysql.* | mariadb.* | debian-sys-maint)
            fail "database.user is $user, which belongs to the server itself. Fix: name another user in overdial.toml." ;;
    esac
    account="$(sql_text "$user")@'localhost'" password="$(sql_text "$(database_password)")"
    if ! account_exists "$user"; then
        note "account $user@localhost"
        sql_with_secrets <<<"CREATE USER $account IDENTIFIED BY $password;"
        (umask 077 && printf '%s\n' "$user" >"$(account_mark)")
    elif ! account_opens; then
        is_our_account "$user" || fail "the account $user@localhost is there already, this script did not make it, and \
$CONFIG/db-password does not open it. Fix: write its password into that file, or name another user in overdial.toml."
        note "account $user@localhost: password of $CONFIG/db-password"
        sql_with_secrets <<<"ALTER USER $account IDENTIFIED BY $password;"
    fi
    for name in "$@"; do
        sql_with_secrets <<<"GRANT ALL ON $(sql_name "$name").* TO $account;"
    done
}

# What is wrong with a dump; nothing where it is whole and holds these databases: <file> <database>…
dump_fault() {
    py "$@" <<'PY'
import gzip, sys, zlib
path, *names = sys.argv[1:]
wanted = {f"USE `{name}`;".encode(): f"the database {name}" for name in names}
wanted[b"CREATE TABLE `schema_migrations` ("] = "a schema of Overdial"
last = b""
try:
    with gzip.open(path, "rb") as dump:
        for line in dump:
            line = line.strip()
            if line:
                last = line if len(line) < 200 else b""
                wanted.pop(line, None)
except (OSError, EOFError, zlib.error) as error:
    print(f"it cannot be unpacked ({error})")
else:
    if not last.startswith(b"-- Dump completed"):
        print("it breaks off before its end")
    elif wanted:
        print(f"it does not hold {' and '.join(wanted.values())}")
PY
}

# A dump that is whole, or none: <file> <database>…
write_dump() {
    local file="$1" fault
    shift
    if [ -z "$(dump_program)" ]; then
        note "there is no mariadb-dump or mysqldump (apt-get install mariadb-client)" >&2
        return 1
    fi
    install -d -m 0700 "$(dirname "$file")"
    if ! (umask 077 && "$(dump_program)" "${reach[@]}" --single-transaction --quick --hex-blob --routines --triggers \
        --comments --no-tablespaces --databases "$@" | gzip >"$file.part"); then
        rm -f "$file.part"
        return 1
    fi
    fault="$(dump_fault "$file.part" "$@")"
    if [ -n "$fault" ]; then
        note "the dump is not whole: $fault" >&2
        rm -f "$file.part"
        return 1
    fi
    mv "$file.part" "$file"
}

# Those of the named databases that are there.
databases_there() {
    local name
    for name in "$@"; do
        sql <<<"SELECT schema_name FROM information_schema.schemata WHERE schema_name = $(sql_text "$name");"
    done
}
