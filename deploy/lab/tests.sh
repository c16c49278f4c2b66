#!/usr/bin/env bash
# Runs the tests that are named, or all. Of all the pure ones run beside those with real parts, which wait for
# calls to end most of the time; what the pure ones say is shown when both are through.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$ROOT_DIR"
export OVERDIAL_LAB="$LAB_DIR"
python="$LAB_DIR/venv/bin/python"
[ $# -eq 0 ] || exec "$python" -m pytest "$@"

said="$LAB_DIR/log/unit-tests.log"
say "the pure tests run beside the others: $said"
"$python" -m pytest tests/unit >"$said" 2>&1 &
pure=$!
trap 'kill "$pure" 2>/dev/null || true' EXIT
status=0
"$python" -m pytest tests/acceptance tests/contract tests/fuzz tests/integration || status=$?
wait "$pure" || status=$?
trap - EXIT
cat "$said"
exit "$status"
