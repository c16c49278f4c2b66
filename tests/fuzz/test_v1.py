"""`/api/v1` under schemathesis: requests made from its own description, right and wrong ones.

What always holds: no 5xx, no fault of ours, answers as described. The number of examples: OVERDIAL_FUZZ (a
factor); `make fuzz` has more.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog.testing
from yarl import URL

from engine.api.v1.app import ROUTERS, operation_id
from engine.api.v1.gate import Gate
from engine.domain.access import RIGHTS, Right, Role
from tests.api_rig import ApiRig
from tests.fuzz.samples import FOREIGN, NASTY
from tests.fuzz.world import fingerprint, furnish

FACTOR = int(os.environ.get("OVERDIAL_FUZZ", "1"))
#: They would end the session that asks; test_what_may_end_sessions_… tries them.
ENDS_SESSIONS = (
    "session-log_out", "users-revoke_tokens", "users-lock_user", "users-set_password", "users-change_user",
)  # fmt: skip
_CHECKS = "not_a_server_error,content_type_conformance,status_code_conformance,response_schema_conformance"


async def test_requests_made_from_the_description(api: ApiRig, tmp_path: Path) -> None:
    furnish(api)
    boss = await api.user("boss")
    argv = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{api.base}/api/v1/openapi.json",
        "--header", f"Authorization: Bearer {boss}", "--checks", _CHECKS,
        "--phases", "examples,fuzzing", "--max-examples", str(5 * FACTOR), "--seed", "7", "--no-shrink",
        "--continue-on-failure", "--no-color", "--suppress-health-check", "all",
        *(word for name in ENDS_SESSIONS for word in ("--exclude-operation-id", name)),
        "--exclude-operation-id", "events-events",  # it never ends
        "--exclude-path", "/simulations",  # a day takes its time
    ]  # fmt: skip
    with structlog.testing.capture_logs() as lines:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
    assert not [line for line in lines if line.get("action") == "api.fault"]
    assert process.returncode == 0, said.decode(errors="replace")
    assert (await api.ask("GET", "/api/v1/session", boss)).status == 200


@pytest.mark.parametrize("operation", ENDS_SESSIONS)
async def test_what_may_end_sessions_takes_any_name_as_a_name(api: ApiRig, operation: str) -> None:
    furnish(api)
    boss = await api.user("boss")
    gates = [route for router in ROUTERS for route in router.routes if isinstance(route, Gate)]
    (gate,) = [gate for gate in gates if operation_id(gate) == operation]
    if "{user}" not in gate.path:
        return
    (method,) = gate.methods
    with structlog.testing.capture_logs() as lines:
        for name in (value for value in NASTY if isinstance(value, str)):
            path = "/api/v1" + gate.path.replace("{user}", quote(name, safe=""))
            body = {"role": "agent", "fullname": name, "password": name[:200]}
            if operation != "users-change_user":
                body = {"password": name[:200]}
            said = await api.ask(method, URL(api.base + path, encoded=True), boss, json=body)
            assert said.status in (400, 404, 405, 422), (name, said)
    assert not [line for line in lines if line.get("action") == "api.fault"]
    assert (await api.ask("GET", "/api/v1/session", boss)).status == 200


async def test_no_effect_without_permission(api: ApiRig) -> None:
    """No route changes a row of any table for whoever may not use it, whatever the body."""
    furnish(api)
    tokens = {role: await api.user(f"b-{role}", role) for role in Role}
    foreign = await api.user("b-elsewhere", campaigns=[FOREIGN])
    before = fingerprint(api)
    for gate in (route for router in ROUTERS for route in router.routes if isinstance(route, Gate)):
        if gate.right is Right.OPEN:
            continue
        asking = ["", "bm9ib2R5OjE=", *(t for role, t in tokens.items() if gate.right not in RIGHTS[role])]
        asking += [foreign] if "{campaign}" in gate.path else []
        path = "/api/v1" + gate.path.replace("{campaign}", "FUZZ%3C-").replace("{", "").replace("}", "")
        for method in gate.methods:
            for token in asking:
                said = await api.ask(method, path, token, json={"name": "x", "campaign": "FUZZ<-"})
                assert said.status in (401, 403), (method, path)
    assert fingerprint(api) == before
