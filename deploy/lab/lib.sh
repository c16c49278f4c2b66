# Shared by the install steps of the lab: how to speak, how to become root, where things go.
# Sourced, never run.

ROOT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
LAB_DIR="${OVERDIAL_LAB:-$ROOT_DIR/.lab}"
mkdir -p "$LAB_DIR/log"
LAB_DIR="$(cd "$LAB_DIR" && pwd)"

say()  { printf '\033[36m==>\033[0m %s\n' "$*"; }
fail() { printf 'overdial: %s\n' "$*" >&2; exit 1; }

# Runs a command as root: directly, or through sudo when there is one.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        fail "installing '$*' needs root. Fix: run 'make' as root, or install sudo for this user."
    fi
}

# Asks for the password of sudo, where one is needed, before a moving line could hide the question.
get_root() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null 2>&1 || fail "installing $1 needs root. Fix: run 'make' as root, or install sudo for this user."
    sudo -v || fail "sudo refused. Fix: run 'make' as root, or as a user who may use sudo."
}

# Fails early when the disk cannot hold what is about to be installed (first argument: MiB).
need_disk() {
    local free
    free=$(df -Pm "$LAB_DIR" | awk 'NR==2 {print $4}')
    [ "$free" -ge "$1" ] || fail "$1 MiB of disk are needed under $LAB_DIR, $free MiB are free. Fix: free some space or set OVERDIAL_LAB to a folder on a larger disk."
}

# Runs a long step with its output in a log file and a moving sign of life on a terminal.
quietly() {
    local what="$1" log="$LAB_DIR/log/$2" pid start
    shift 2
    start=$(date +%s)
    "$@" >"$log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        [ -t 1 ] && printf '\r\033[K    %s … %s s, %s' "$what" "$(($(date +%s) - start))" "$(tail -n 1 "$log" | tr -d '\r' | cut -c1-60)"
        sleep 0.5
    done
    [ -t 1 ] && printf '\r\033[K'
    if wait "$pid"; then
        printf '    %s: done in %s s\n' "$what" "$(($(date +%s) - start))"
    else
        tail -n 15 "$log" >&2
        fail "$what failed; the whole output is in $log. Fix what its last lines say and run make again."
    fi
}
