#!/usr/bin/env bash
# Provides a private Asterisk below the lab folder, from the distribution's own packages.
#
# The packages are unpacked, not installed: no service starts, no user is added, nothing outside
# the lab folder changes, and no root is needed. Where the machine's release carries no `asterisk`
# (Debian 12 and 13), the packages come from Debian testing, by the mirror that the machine uses.
# The result is .lab/asterisk/root (a file tree with its own C library) and .lab/asterisk/VERSION.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

target="$LAB_DIR/asterisk"
[ -f "$target/VERSION" ] && exit 0

say "Asterisk (private copy below $target)"
need_disk 900
rm -rf "$target"
mkdir -p "$target/root" "$target/apt/lists/partial" "$target/apt/cache/archives/partial" \
    "$target/apt/sources" "$target/apt/etc" "$target/apt/trusted"
: >"$target/apt/status"

# Which archive? The machine's own lists first; Debian testing where they carry no Asterisk.
apt_here=(-o Debug::NoLocking=1)
if [ -n "$(apt-cache madison asterisk 2>/dev/null)" ]; then
    suite="$(. /etc/os-release && echo "$VERSION_CODENAME")"
    sources=(-o "Dir::State::lists=$(apt-config shell l Dir::State::lists/d | cut -d"'" -f2)")
    update=no
else
    . /etc/os-release
    [ "$ID" = debian ] || fail "no 'asterisk' package in the lists of this machine. Fix: enable the 'universe' component and run apt-get update."
    suite=testing
    site=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
        awk -v c="$VERSION_CODENAME" '$2 == "Debian" && $3 == c {print $1; exit}')
    [ -n "$site" ] || fail "apt knows no Debian mirror on this machine. Fix: put a Debian source in /etc/apt and run apt-get update."
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -f "$keyring" ] || fail "the archive keyring is missing. Fix: apt-get install debian-archive-keyring."
    printf 'deb [signed-by=%s] %s testing main\n' "$keyring" "$site" >"$target/apt/sources/testing.list"
    sources=(-o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$target/apt/sources"
        -o "Dir::State::lists=$target/apt/lists" -o Acquire::Languages=none)
    update=yes
fi
apt_here+=("${sources[@]}"
    # A mirror may be a little older than its Release file says it may be.
    -o "Acquire::Check-Valid-Until=false"
    -o "Dir::State::status=$target/apt/status" -o "Dir::Cache=$target/apt/cache"
    -o "Dir::Etc::preferences=/dev/null" -o "Dir::Etc::preferencesparts=$target/apt/etc"
    # The download happens as whoever runs this: apt's own sandbox user cannot read the project's folder.
    -o "APT::Sandbox::User=$(id -un)" -o "APT::Install-Recommends=false" -o "APT::Architecture=$(dpkg --print-architecture)")

[ "$update" = no ] || quietly "lists of Debian $suite" asterisk-lists.log apt-get "${apt_here[@]}" -q update
quietly "download Asterisk and its libraries" asterisk-download.log \
    apt-get "${apt_here[@]}" -q -y --download-only install asterisk asterisk-core-sounds-en-gsm

unpack() {
    local package
    for package in "$target"/apt/cache/archives/*.deb; do
        case "$(basename "$package")" in
            # What a running C program never opens, and what would only take disk.
            perl-* | dpkg_* | apt_* | systemd_* | debconf_* | adduser_*) continue ;;
        esac
        echo "$(basename "$package")"
        # Merged-/usr layout first, so that both /lib and /usr/lib paths of the packages land in one place.
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$target/root" --keep-directory-symlink \
            --no-same-owner --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./dev/*'
    done
}
mkdir -p "$target"/root/usr/{bin,sbin,lib,lib64}
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$target/root/$folder"; done
quietly "unpack" asterisk-unpack.log unpack
rm -rf "$target/apt"

# What the packages' own install scripts would have linked: English prompts by their plain name.
sounds="$target/root/usr/share/asterisk/sounds"
[ -e "$sounds/en" ] || ln -s en_US_f_Allison "$sounds/en"

interpreter=$(find "$target/root/usr/lib64" "$target/root/usr/lib" -maxdepth 2 -name 'ld-linux*.so*' | head -n 1)
[ -n "$interpreter" ] || fail "no program loader among the unpacked packages. Fix: delete $target and run make again."
queue_module=$(find "$target/root/usr/lib" -path '*/asterisk/modules/app_queue.so' | head -n 1)
[ -n "$queue_module" ] || fail "no Asterisk modules among the unpacked packages. Fix: delete $target and run make again."
multiarch=$(dirname "$queue_module")
ldconfig_dir=$(dirname "$(dirname "$multiarch")")
{
    echo "interpreter=${interpreter#"$target"/}"
    echo "library_path=${ldconfig_dir#"$target"/}"
    echo "modules=${multiarch#"$target"/}"
} >"$target/layout"
version=$("$interpreter" --library-path "$ldconfig_dir" "$target/root/usr/sbin/asterisk" -V 2>/dev/null) ||
    fail "the unpacked Asterisk does not start. Fix: delete $target and run make again; the machine must be of the same architecture as its packages."
echo "$version" >"$target/VERSION"
say "$version is ready"
