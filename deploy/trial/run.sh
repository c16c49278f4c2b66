#!/usr/bin/env bash
# Tries the installation as a new user would: a fresh Debian in a folder, booted with its own systemd in namespaces,
# with MariaDB of Debian and an Asterisk, then install, call, watchdog, upgrade, rollback, uninstall (story.sh).
# Needs root, debootstrap, a unified cgroup hierarchy, and the private Asterisk of `make install`. The network is the
# machine's own: AMI 5038, ARI 8088, SIP 5060, metrics 9469, HTTP API 9470 must be free.
#   deploy/trial/run.sh bookworm|trixie [folder]
# The transcript goes to <folder>/<suite>.log. TRIAL_EXTRA: a folder that is copied over the fresh system, for what this
# network asks of everybody (etc/pip.conf, certificates).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source_dir="$(cd "$here/../.." && pwd)"
suite="${1:?which Debian? bookworm or trixie}"
folder="${2:-/var/tmp/overdial-trial}"
lab="${OVERDIAL_LAB:-$source_dir/.lab}"
root="$folder/$suite"
log="$folder/$suite.log"
name="overdial-trial-$suite"

fail() { printf 'trial: %s\n' "$*" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || fail "this needs root."
command -v debootstrap >/dev/null || fail "debootstrap is missing. Fix: apt-get install debootstrap."
[ -f "$lab/asterisk/layout" ] || fail "no Asterisk below $lab. Fix: make install."
cgroups="$(findmnt -n -o TARGET -t cgroup2 | head -n 1)"
[ -n "$cgroups" ] || fail "there is no unified cgroup hierarchy."
for port in 5038 8088 5060 9469 9470; do
    ! ss -Hltn "sport = :$port" | grep -q . || fail "port $port is taken."
done

clean() { env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

base_system() {
    [ ! -e "$root" ] || fail "$root is there already. Fix: remove it, or name another folder."
    mkdir -p "$folder"
    debootstrap --variant=minbase "$suite" "$root" >"$log.debootstrap"
    # Nothing starts before the system is booted.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    mount -t proc proc "$root/proc"
    clean chroot "$root" sh -c 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
        --no-install-recommends mariadb-server systemd systemd-sysv dbus procps logrotate ca-certificates' \
        >"$log.packages" 2>&1
    umount "$root/proc"
    rm "$root/usr/sbin/policy-rc.d"
    # SIP, AMI and the database share the machine's network with whatever else runs there.
    printf '[mariadbd]\nskip-networking\n' >"$root/etc/mysql/mariadb.conf.d/99-trial.cnf"
}

# Asterisk as its package leaves it, with its own sample configuration; the program of the lab's private copy.
asterisk() {
    local layout="$root/opt/asterisk/layout" loader modules libraries unit
    cp -a "$lab/asterisk" "$root/opt/asterisk"
    loader="$(sed -n 's/^interpreter=//p' "$layout")" modules="$(sed -n 's/^modules=//p' "$layout")"
    libraries="$(sed -n 's/^library_path=//p' "$layout")"
    printf '#!/bin/sh\nexec /opt/asterisk/%s --library-path /opt/asterisk/%s /opt/asterisk/root/usr/sbin/asterisk "$@"\n' \
        "$loader" "$libraries" >"$root/usr/sbin/asterisk"
    chmod 755 "$root/usr/sbin/asterisk"
    cp -a "$root/opt/asterisk/root/etc/asterisk" "$root/etc/asterisk"
    sed -i "s#^\[directories\](!)#[directories]#; s#^astmoddir.*#astmoddir => /opt/asterisk/$modules#
        s#^astdatadir.*#astdatadir => /opt/asterisk/root/usr/share/asterisk#" "$root/etc/asterisk/asterisk.conf"
    clean chroot "$root" sh -c 'useradd --system --home-dir /var/lib/asterisk --shell /usr/sbin/nologin asterisk
        mkdir -p /var/lib/asterisk/keys /var/log/asterisk/cdr-csv /var/spool/asterisk/monitor
        chown -R asterisk:asterisk /var/lib/asterisk /var/log/asterisk /var/spool/asterisk /etc/asterisk'
    unit="$root/etc/systemd/system/asterisk.service"
    printf '%s\n' '[Unit]' 'Description=Asterisk' '[Service]' 'User=asterisk' 'Group=asterisk' \
        'RuntimeDirectory=asterisk' 'ExecStart=/usr/sbin/asterisk -f' '[Install]' 'WantedBy=multi-user.target' >"$unit"
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -sf /etc/systemd/system/asterisk.service "$root/etc/systemd/system/multi-user.target.wants/"
}

the_source() {
    mkdir -p "$root/root/overdial"
    git -C "$source_dir" archive HEAD | tar -x -C "$root/root/overdial"
    cp "$here/story.sh" "$root/root/story.sh"
    [ -z "${TRIAL_EXTRA:-}" ] || cp -r "$TRIAL_EXTRA/." "$root/"
}

boot() {
    mkdir -p "$cgroups/$name"
    setsid bash -c "
        echo \$\$ >$cgroups/$name/cgroup.procs
        exec unshare --fork --pid --mount --uts --ipc --cgroup --propagation private bash -c '
            set -e
            mount --bind $root $root
            cd $root
            mount -t proc proc proc
            mount -t sysfs sysfs sys
            mount -t cgroup2 cgroup2 sys/fs/cgroup
            mount -t tmpfs -o mode=755 tmpfs run
            mount -t tmpfs tmpfs tmp
            mount -t tmpfs -o mode=755 tmpfs dev
            for node in null zero full random urandom tty; do touch dev/\$node; mount --bind /dev/\$node dev/\$node; done
            mkdir -p dev/pts dev/shm dev/mqueue .old
            mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
            ln -s pts/ptmx dev/ptmx
            ln -s /proc/self/fd dev/fd
            mount -t tmpfs tmpfs dev/shm
            mount -t mqueue mqueue dev/mqueue
            hostname trial
            cd $root && pivot_root . .old && umount -l .old && rmdir .old
            exec env -i container=trial PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --show-status=no
        '" >"$log.boot" 2>&1 </dev/null &
    for _ in $(seq 120); do
        if grep -qs . "$cgroups/$name/init.scope/cgroup.procs"; then
            # "degraded" is what a container without kernel modules is.
            case "$(inside 'systemctl is-system-running' 2>/dev/null || true)" in running | degraded) return ;; esac
        fi
        sleep 0.5
    done
    fail "it did not boot; see $log.boot."
}

inside() { # runs a command in the booted system
    clean nsenter -t "$(head -n 1 "$cgroups/$name/init.scope/cgroup.procs")" -a -r bash -c "cd /root; $1"
}

# shellcheck disable=SC2329 # called by the trap
down() {
    inside 'systemctl poweroff' >/dev/null 2>&1 || true
    for _ in $(seq 60); do
        grep -q . "$cgroups/$name/cgroup.events" 2>/dev/null && grep -q 'populated 0' "$cgroups/$name/cgroup.events" && break
        sleep 0.5
    done
    find "$cgroups/$name" -depth -type d -exec rmdir {} + 2>/dev/null || true
}

base_system
asterisk
the_source
trap down EXIT
boot
inside 'bash /root/story.sh' >"$log" 2>&1 && status=0 || status=$?
cat "$log"
exit "$status"
