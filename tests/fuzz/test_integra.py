"""Documented endpoints under documented requests that are broken in some places.

What always holds: status 200, no fault of ours, no word of the database or of Python in an answer, no file
outside the engine's folder, and whatever was written is data. The number of examples: OVERDIAL_FUZZ (a
factor); `make fuzz` has more.
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api.integra import ROUTES
from engine.api.integra.form import Form
from engine.api.integra.route import Route
from engine.domain.access import RIGHTS, Right, Role
from tests.api_rig import ApiRig
from tests.fuzz.samples import FOREIGN, NASTY, SAMPLES, TOUCHED
from tests.fuzz.world import as_fields, fingerprint, furnish, in_a_thread, orders_taken

EXAMPLES = 20 * int(os.environ.get("OVERDIAL_FUZZ", "1"))
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
#: What no answer may tell.
_TELLS = ("Traceback", "Exception", "pymysql", "SQL syntax", "engine/", ".py", "argon2")

_leaf = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.integers(), st.booleans(), st.none())


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to everything inside a sample."""
    found = [way] if way else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += _places(item, (*way, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += _places(item, (*way, number))
    return found


@st.composite
def broken(draw: st.DrawFn, sample: dict[str, Any]) -> dict[str, Any]:
    """Draw a documented request with up to three places changed, missing or added."""
    request = json.loads(json.dumps(sample))
    places = _places(request)
    for _ in range(draw(st.integers(0, 3))):
        if not places or draw(st.integers(0, 9)) == 0:
            request[draw(st.text(min_size=1, max_size=10))] = draw(_leaf)
            continue
        *way, last = draw(st.sampled_from(places))
        inner = request
        try:
            for step in way:
                inner = inner[step]
            if draw(st.integers(0, 5)) == 0:
                del inner[last]
            else:
                inner[last] = draw(_leaf)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return request


def _sample(route: Route) -> dict[str, Any]:
    return SAMPLES.get(route.path.removeprefix("Integra/resources/"), {"campaign": "FUZZ<-", "user": "boss"})


def _form(request: dict[str, Any]) -> dict[str, Any]:
    fields = []
    for name, value in request.items():
        text = value if isinstance(value, str) else json.dumps(value)
        fields.append((_clean(name), _clean(text)))
    return {"data": urlencode(fields).encode(), "headers": {"Content-Type": FORM}}


def _clean(text: str) -> str:
    """Half a surrogate cannot be sent."""
    return text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_broken_requests_end_in_the_documented_way(api: ApiRig, route: Route) -> None:
    furnish(api)
    await api.user("agent", Role.AGENT, phone="201")
    boss = await api.user("boss")
    accounts = api.value("SELECT GROUP_CONCAT(user, role, state, password ORDER BY user) FROM ccdata.users")

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(request=broken(_sample(route)), as_json=st.booleans())
    async def ask(request: dict[str, Any], as_json: bool) -> None:
        with structlog.testing.capture_logs() as lines:
            more: dict[str, Any] = {"json": request} if as_json else _form(request)
            said = await api.ask("POST", "/" + route.path, boss, **more)
        assert said.status == 200, said
        faults = [line for line in lines if line.get("action") in ("api.fault", "api.database")]
        assert not faults, (faults, request)
        if said.text[:1] not in "[{":
            assert len(said.text) < 300
        assert not any(word in said.text for word in _TELLS), said.text

    async with orders_taken(api):
        await in_a_thread(ask)
    if route.right not in (Right.MANAGE, Right.USERS):
        kept = api.value("SELECT GROUP_CONCAT(user, role, state, password ORDER BY user) FROM ccdata.users")
        assert kept == accounts
    assert api.value("SELECT COUNT(*) FROM ccdata.dialers") == "2"
    assert not os.path.exists(TOUCHED)  # noqa: ASYNC240  # one look


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_no_effect_without_permission(api: ApiRig, route: Route) -> None:
    """The documented request, from whoever may not send it, changes no row of any table."""
    if route.right is Right.OPEN:
        return
    furnish(api)
    fields = as_fields(_sample(route))
    asking = ["", "bm9ib2R5OjE="]
    asking += [await api.user(f"a-{role}", role) for role in Role if route.right not in RIGHTS[role]]
    if any(route.campaigns(Form({name: [value] for name, value in fields.items()}))):
        asking.append(await api.user("elsewhere", campaigns=[FOREIGN]))
    if route.own:
        asking.append(await api.user("other-agent", Role.AGENT, phone="299"))
    before = fingerprint(api)
    for token in asking:
        said = await api.ask("POST", "/" + route.path, token, data=fields)
        assert (said.status, said.text) == (200, route.failure), route.path
    assert fingerprint(api) == before
