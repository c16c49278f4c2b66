"""Every route × every role: who may, who may not, and that nobody else gets in. New routes are covered by
being in the tables of routes."""

from __future__ import annotations

import pytest

from engine.api.integra import ROUTES
from engine.api.integra.route import Route
from engine.api.v1.app import ROUTERS, build
from engine.api.v1.gate import Gate
from engine.domain.access import RIGHTS, Right, Role
from tests.api_rig import ApiRig

#: Endpoints that the documents know without a token.
OPEN = {
    "Integra/resources/auth/UserLogin",
    "Integra/resources/auth/EndSession",
    "Integra/resources/auth/getUserToken",
    "Integra/resources/auth/AgentLogin",
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_documented_route_by_role(api: ApiRig, route: Route) -> None:
    """Without a live token, or with a role that lacks the right, an endpoint fails and changes nothing."""
    assert (route.right is Right.OPEN) == (route.path in OPEN)
    if route.right is Right.OPEN:
        return
    before = api.audited()
    for token in ("", "bm9ib2R5Om5vdGhpbmc=", "x" * 5000):
        said = await api.ask("POST", "/" + route.path, token, data={})
        assert (said.status, said.text) == (200, route.failure)
    for role in Role:
        token = await api.user(f"by-{role}", role)
        if route.right not in RIGHTS[role]:
            said = await api.ask("POST", "/" + route.path, token, data={})
            assert (said.status, said.text) == (200, route.failure)
    assert api.audited() == before


def _gates(api: ApiRig) -> list[Gate]:
    found = []
    for route in (route for router in ROUTERS for route in router.routes):
        assert isinstance(route, Gate), f"{route} is not behind the gate"
        found.append(route)
    described = set(build(api.office).openapi()["paths"])
    assert described <= {gate.path for gate in found}
    return found


async def test_v1_routes_by_role(api: ApiRig) -> None:
    """401 without a live token, 403 with a role that lacks the right, and never a look at the body."""
    gates = _gates(api)
    assert any(gate.path == "/session" for gate in gates)
    tokens = {role: await api.user(f"v1-{role}", role) for role in Role}
    before = api.audited()
    for gate in gates:
        if gate.right is Right.OPEN:
            continue
        path = "/api/v1" + gate.path.replace("{", "").replace("}", "")
        for method in gate.methods:
            for token in ("", "bm9ib2R5Om5vdGhpbmc="):
                said = await api.ask(method, path, token)
                assert said.status == 401, (method, path)
                assert said.headers["Content-Type"] == "application/problem+json"
            for role, token in tokens.items():
                if gate.right not in RIGHTS[role]:
                    assert (await api.ask(method, path, token)).status == 403, (method, path, role)
    assert api.audited() == before


async def test_v1_campaign_scope(api: ApiRig) -> None:
    """A campaign in a path lies in the caller's scope, or nothing happens."""
    token = await api.user("v1-scoped", Role.ADMINISTRATOR, campaigns=["MINE<-"])
    before = api.audited()
    for gate in _gates(api):
        if "{campaign}" not in gate.path or gate.right is Right.OPEN:
            continue
        path = "/api/v1" + gate.path.replace("{campaign}", "OTHERS%3C-").replace("{", "").replace("}", "")
        for method in gate.methods:
            assert (await api.ask(method, path, token)).status == 403, (method, path)
    assert api.audited() == before


@pytest.mark.parametrize("place", ["header", "glued", "lower", "bearer"])
async def test_token_from_every_documented_place(api: ApiRig, place: str) -> None:
    token = await api.user("places", Role.ADMINISTRATOR)
    header = {
        "header": f"Basic {token}",
        "glued": f"Basic{token}",
        "lower": f"basic {token}",
        "bearer": f"Bearer {token}",
    }[place]
    said = await api.ask("GET", "/api/v1/session", headers={"Authorization": header})
    assert said.status == 200
    assert said.json() == {
        "user": "places",
        "role": "administrator",
        "rights": sorted(RIGHTS[Role.ADMINISTRATOR]),
        "campaigns": ["*"],
        "phones": [],
    }


async def test_cors_preflight(api: ApiRig) -> None:
    """A page on another origin may send the documented requests with its token."""
    said = await api.ask(
        "OPTIONS",
        "/Integra/resources/auth/UserLogin",
        headers={
            "Origin": "https://crm.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert said.status == 200
    assert said.headers["Access-Control-Allow-Origin"] == "*"
    assert "authorization" in said.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Credentials" not in said.headers
