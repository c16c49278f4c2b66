# Asterisk's files as the scripts see them: what is set there, our lines in them, what others use of ours.
# Sourced, never run.
# shellcheck shell=bash

#: Lines that install.sh adds to files of others end with this.
MARK='; overdial'

asterisk_runs() { command -v asterisk >/dev/null && asterisk -rx 'core waitfullybooted' >/dev/null 2>&1; }

# Where Asterisk has its files: the one that runs says so; of one that does not, the folders of a package, else those
# of a build below /usr/local.
find_asterisk() {
    local said
    said="$(asterisk -rx 'core show settings' 2>/dev/null || true)"
    ASTERISK="$(asterisk_folder 'Configuration directory' "$said" "$ASTERISK" /usr/local/etc/asterisk)"
    LOGS="$(asterisk_folder 'Log directory' "$said" "$LOGS" /usr/local/var/log/asterisk)"
}

asterisk_folder() { # <what it is called> <what Asterisk says> <of a package> <of a build>
    local found
    found="$(sed -n "s|^ *$1: *\(/.*[^ ]\) *\$|\1|p" <<<"$2" | head -n 1)"
    if [ -z "$found" ]; then
        if [ -d "$3" ] || [ ! -d "$4" ]; then found="$3"; else found="$4"; fi
    fi
    printf '%s' "$found"
}

# Only what our files touch; other changes of the operator wait for his own reload.
reload_asterisk() {
    local command
    for command in 'manager reload' 'dialplan reload' 'module reload app_queue.so' 'module reload res_pjsip.so' \
        'module reload http' 'module reload res_ari.so' 'module reload cdr' 'module reload cdr_csv.so'; do
        asterisk -rx "$command" >/dev/null || note "asterisk -rx '$command' failed"
    done
}

# What a file says with all that it includes: <file> <section> [<key>]. Prints the key's last value; without a key,
# tells by its status whether there is such a section.
asterisk_setting() {
    py "$ASTERISK" "$@" <<'PY'
import glob, os, re, sys
folder, name, section, *key = sys.argv[1:]

def lines(path, depth=0):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = re.sub(r";--(?!-).*?--;", "", file.read(), flags=re.DOTALL)
    except OSError:
        return
    for line in text.splitlines():
        line = re.sub(r"(?<!\\);.*", "", line).strip()
        if found := re.match(r"""#\s*(?:try)?include\s+["<]?([^">]+?)\s*[">]?$""", line):
            for part in sorted(glob.glob(os.path.join(folder, found[1]))) if depth < 10 else ():
                yield from lines(part, depth + 1)
        elif line:
            yield line

here, there, value = "", False, ""
for line in lines(os.path.join(folder, name)):
    if found := re.match(r"\[([^\]]+)\]", line):
        here = found[1].lower()
        there |= here == section
    elif key and here == section and (found := re.match(r"([^=\s]+)\s*=>?\s*(.*)", line)):
        if found[1].lower() == key[0]:
            value = found[2]
if key:
    print(value)
else:
    sys.exit(not there)
PY
}

# Is the server of manager.conf or http.conf on? The files say so, or the Asterisk that runs (they may be made by a
# program that we cannot read).
enabled() {
    local answer
    answer="$(asterisk_setting "$1" general enabled)"
    case "${answer,,}" in yes | true | y | t | 1 | on) return 0 ;; esac
    asterisk_runs || return 1
    case "$1" in
        manager.conf) [[ "$(asterisk -rx 'manager show settings')" =~ 'Manager (AMI):'\ +Yes ]] ;;
        http.conf) [[ "$(asterisk -rx 'http show status')" == *'Server Enabled'* ]] ;;
    esac
}

append() { # <file> <line>
    local path="$ASTERISK/$1"
    [ -e "$path" ] || install -m 0640 -o root -g asterisk /dev/null "$path"
    if [ -s "$path" ]; then
        [ -e "$path.before-overdial" ] || grep -qF "$MARK" "$path" || cp -p "$path" "$path.before-overdial"
        # A last line without its end would take ours into itself.
        [ -z "$(tail -c 1 "$path")" ] || printf '\n' >>"$path"
    fi
    printf '%s %s\n' "$2" "$MARK" >>"$path"
    note "$1: $2"
}

# Appends a line once; one that somebody has commented out is not appended again.
line() { # <file> <line>
    grep -qxF -e "$2" -e "$2 $MARK" < <(sed 's/^[;[:space:]]*//' "$ASTERISK/$1" 2>/dev/null) || append "$1" "$2"
}

section() { # <file> <section>: there is one
    asterisk_setting "$1" "$2" || append "$1" "[$2]"
}

switch_on() { # <file>
    enabled "$1" && return
    if asterisk_setting "$1" general; then append "$1" '[general](+)'; else append "$1" '[general]'; fi
    append "$1" 'enabled = yes'
    # Where it listens is the operator's to say; where nobody does, on this machine alone.
    [ -n "$(asterisk_setting "$1" general bindaddr)" ] || append "$1" 'bindaddr = 127.0.0.1'
}

# Lines of others that need our files or templates; without them Asterisk refuses the whole file.
uses_of_ours() {
    grep -RnIE --exclude='*'{.before-overdial,.bak,.old,.orig,.sample,.txt,.md,'~'} \
        '^[^;]*(overdial/|[(,][[:space:]]*!?overdial-|include[[:space:]]*=>?[[:space:]]*overdial-)' "$ASTERISK/" 2>/dev/null |
        grep -vE "^$ASTERISK/+overdial(\.new)?/|:[0-9]+:#include overdial/[a-z-]+\.conf $MARK\$" || true
}

# Takes our lines out of a file; prints its name if there were any. A section that we began and others went on with
# stays, without the mark.
take_out() { # <path>
    py "$1" "$MARK" <<'PY'
import os, re, sys
path, mark = sys.argv[1:]
with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
    before = file.read().splitlines(keepends=True)
header = re.compile(r"(\[(?:general|csv)\](?:\(\+\))?) " + re.escape(mark))
plain = re.compile(
    r"(?:enabled = yes|bindaddr = 127\.0\.0\.1|#include overdial/[a-z-]+\.conf|#tryinclude \S+/queues\.conf) " + re.escape(mark)
)
rest = [line for line in before if not plain.fullmatch(line.strip())]
after = []
for number, line in enumerate(rest):
    if found := header.fullmatch(line.strip()):
        section = (text.strip() for text in rest[number + 1 :])
        content = next((text for text in section if text and not text.startswith(";")), "[")
        if not content.startswith("["):
            after.append(f"{found[1]}\n")
    else:
        after.append(line)
if after != before:
    print(os.path.basename(path))
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.writelines(after)
    if not "".join(after).strip() and not os.path.exists(f"{path}.before-overdial"):
        os.remove(path)
PY
}
