#!/usr/bin/env bash
# Makes the project's virtual environment from the pinned, hashed requirements. Idempotent: it is
# made anew only when the pins, the project file or the Python changed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

venv="$LAB_DIR/venv"
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Python 3.11 or newer is needed ($("$python" -V 2>&1 || true)). Fix: set PYTHON=/path/to/python3.11."

project() { sed '/^\[tool\.ruff\]/,$d' "$ROOT_DIR/pyproject.toml"; } # what an installation depends on
# A Python that cannot make virtual environments is Debian's own without its venv package.
"$python" -c 'import ensurepip, venv' 2>/dev/null || "$(dirname "$0")/packages.sh" python3-venv

stamp=$({ "$python" -V; cat "$ROOT_DIR/requirements/dev.txt"; project; echo "$ROOT_DIR"; } | sha256sum)
[ "$(cat "$venv/.stamp" 2>/dev/null)" = "$stamp" ] && exit 0

say "Python environment ($("$python" -V), pins with hashes)"
need_disk 500
rm -rf "$venv"
"$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
quietly "packages" pip.log "$venv/bin/python" -m pip install --require-hashes -r "$ROOT_DIR/requirements/dev.txt"
quietly "overdial itself" pip-overdial.log \
    "$venv/bin/python" -m pip install --no-deps --no-build-isolation -e "$ROOT_DIR"
echo "$stamp" >"$venv/.stamp"
