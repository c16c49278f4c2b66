# Shared by install.sh, rollback.sh and uninstall.sh. Sourced, never run.
# shellcheck shell=bash disable=SC2034

PREFIX=/opt/overdial
CONFIG=/etc/overdial
STATE=/var/lib/overdial
SHARED=/var/lib/overdial-asterisk
ASTERISK=/etc/asterisk
LOGS=/var/log/asterisk
UNITS=/etc/systemd/system
UNIT=/etc/systemd/system/overdial.service

say()  { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
fail() { printf 'overdial: %s\n' "$*" >&2; exit 1; }

need_root() { [ "$(id -u)" -eq 0 ] || fail "this needs root. Fix: run it with sudo."; }
# Python as root: nothing from the present folder or the environment, and no more of it than is needed.
py() { python3 -I -S - "$@"; }
has_systemd() { [ -d /run/systemd/system ]; }
as_overdial() { runuser -u overdial -- "$@"; }

# Points PREFIX/<name> at a release, in one step: there is never a moment without one.
point() {
    ln -sfn "$2" "$PREFIX/.$1.new"
    mv -T "$PREFIX/.$1.new" "$PREFIX/$1"
}

# A value of /etc/overdial/overdial.toml: <section> <key> <default>.
setting() {
    py "$CONFIG/overdial.toml" "$1" "$2" "$3" <<'PY'
import sys, tomllib
path, section, key, default = sys.argv[1:]
try:
    with open(path, "rb") as file:
        print(tomllib.load(file).get(section, {}).get(key, default))
except (OSError, tomllib.TOMLDecodeError) as error:
    sys.exit(f"overdial: {path} cannot be read: {error}. Fix: mend it, then run this again.")
PY
}

# Gives a key its value where its line is still the example's own: <section> <key> <value> <example>. A value that
# somebody has set stays, and so does a line that somebody has commented out or removed.
fill() {
    py "${SETTINGS:-$CONFIG/overdial.toml}" "$@" <<'PY'
import os, shutil, sys, tomllib
path, section, key, value, example = sys.argv[1:]
path = os.path.realpath(path)
with open(example, encoding="utf-8") as file:
    untouched = {line for line in file.read().splitlines() if line.startswith(f"# {key} = ")}
with open(path, encoding="utf-8") as file:
    text = file.read()
lines = text.splitlines()
try:
    if key in tomllib.loads(text).get(section, {}):
        sys.exit()
    here = ""
    for number, line in enumerate(lines):
        if line.startswith("["):
            here = line[1:].partition("]")[0].strip()
        elif here == section and line in untouched:
            lines[number] = f"{key} = {value}"
            break
    else:
        sys.exit()
    tomllib.loads("\n".join(lines))
except tomllib.TOMLDecodeError as error:
    sys.exit(f"overdial: {path} cannot be read: {error}. Fix: mend it, then run this again.")
before = os.stat(path)
with open(f"{path}.new", "w", encoding="utf-8") as file:
    shutil.copymode(path, file.name)
    os.chown(file.fileno(), before.st_uid, before.st_gid)
    file.write("\n".join(lines) + "\n")
os.replace(f"{path}.new", path)
PY
}
