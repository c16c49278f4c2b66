#!/usr/bin/env bash
# Builds the documentation site into .lab/site, with the reference pages written from the code first.
# Fails on a broken link or anchor. Whether the reference was current before, .ci/run asks.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

venv="$LAB_DIR/docs-venv"
stamp=$({ "${PYTHON:-python3}" -V; cat "$ROOT_DIR/requirements/docs.txt"; } | sha256sum)
if [ "$(cat "$venv/.stamp" 2>/dev/null)" != "$stamp" ]; then
    say "documentation tools"
    rm -rf "$venv"
    "${PYTHON:-python3}" -m venv "$venv"
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    quietly "packages" pip-docs.log "$venv/bin/python" -m pip install --require-hashes -r "$ROOT_DIR/requirements/docs.txt"
    echo "$stamp" >"$venv/.stamp"
fi
cd "$ROOT_DIR"
"$LAB_DIR/venv/bin/python" docs/generate.py
NO_MKDOCS_2_WARNING=1 "$venv/bin/mkdocs" build --strict --quiet --site-dir "$(realpath "$LAB_DIR")/site"
say "documentation: $LAB_DIR/site/index.html"
