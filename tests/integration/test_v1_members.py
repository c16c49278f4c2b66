"""Members of queues and pauses over `/api/v1`: rows, orders, and who may do it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine.adapters.mysql import orders
from engine.adapters.mysql.claim import Claimant
from engine.domain.access import Role
from engine.domain.agent import SeatState
from engine.domain.live import QueueNow, SeatNow
from engine.domain.orders import Leave
from tests.api_rig import ApiRig
from tests.integration.test_v1_resources import AT, V1, A, fields, first_campaign, get, post

B = "B<-"


@pytest.fixture
async def boss(api: ApiRig) -> str:
    api.sql("DELETE FROM ccdata.queue_members")
    return await first_campaign(api)


@pytest.fixture
def floor(api: ApiRig) -> Iterator[None]:
    """Ana sits in both campaigns, Bob in B<- alone; his user name is Ana's extension's neighbour."""
    ana, bob = [
        SeatNow(f"PJSIP/{phone}", name, False, SeatState.READY)
        for phone, name in (("101", "ana"), ("102", "bob"))
    ]
    api.live.seen[:] = [QueueNow(A, (ana,), 0), QueueNow(B, (ana, bob), 0)]
    yield
    api.live.seen[:] = []


def ordered(api: ApiRig) -> list[list[str]]:
    rows = api.sql("SELECT kind, campaign, agent, phone, reason FROM ccdata.orders ORDER BY id")
    api.sql("DELETE FROM ccdata.orders")
    return rows


async def test_a_member_is_seated_changed_and_taken_out(api: ApiRig, boss: str) -> None:
    await api.user("ana", Role.AGENT, phone="101", campaigns=[B])
    wish = {"interface": "SIP/101", "penalty": 2}
    made = await api.ask("POST", f"{AT}/members", boss, json=wish)
    assert made.status == 202, made
    member = {"interface": "PJSIP/101", "agent": "ana", "penalty": 2, "paused": False}
    order = made.json().pop("order")
    assert made.json() == {**member, "order": order}
    assert made.headers["Location"] == f"{V1}/orders/{order}"
    assert await get(api, boss, f"{AT}/members") == [member]
    assert ordered(api) == [["join", A, "ana", "PJSIP/101", ""]]
    assert api.value(f"SELECT COUNT(*) FROM ccdata.user_campaigns WHERE user='ana' AND campaign='{A}'") == "1"

    # The documented spelling of a row that is there is the same seat.
    api.sql("UPDATE ccdata.queue_members SET interface='SIP/101'")
    await post(api, boss, f"{AT}/members", {"interface": "PJSIP/101", "agent": "a, b", "paused": True}, 202)
    assert await get(api, boss, f"{AT}/members") == [
        {**member, "agent": "a, b", "penalty": 0, "paused": True}
    ]
    assert api.value("SELECT interface FROM ccdata.queue_members") == "SIP/101"
    ordered(api)

    gone = await api.ask("DELETE", f"{AT}/members?interface=PJSIP/101", boss)
    assert gone.status == 202, gone
    assert ordered(api) == [["leave", A, "", "PJSIP/101", ""]]
    assert await get(api, boss, f"{AT}/members") == []
    assert (await api.ask("DELETE", f"{AT}/members?interface=SIP/101", boss)).status == 404
    assert (await api.ask("GET", f"{V1}/campaigns/NOPE/members", boss)).status == 404
    assert ordered(api) == []
    said = json.dumps(api.sql("SELECT action FROM ccrepo.auditory WHERE action LIKE '%member%'"))
    assert "member PJSIP/101 taken out" in said
    assert "penalty" in said


async def test_a_member_that_cannot_be_names_its_field(api: ApiRig, boss: str) -> None:
    good = {"interface": "SIP/101"}
    for field, value in (
        ("interface", "101"), ("interface", "SIP/1\r\nQueue: x"), ("interface", ""), ("agent", "a\nb"),
        ("penalty", -1), ("paused", "maybe"), ("colour", 1),
    ):  # fmt: skip
        said = await api.ask("POST", f"{AT}/members", boss, json={**good, field: value})
        assert (said.status, fields(said)) == (422, [field])
    assert fields(await api.ask("DELETE", f"{AT}/members?interface=x", boss)) == ["interface"]
    assert ordered(api) == []


async def test_phones_of_others_are_not_seated(api: ApiRig, boss: str, floor: None) -> None:
    scoped = await api.user("scoped", Role.SUPERVISOR, campaigns=[A])
    await api.user("carl", Role.AGENT, phone="103", campaigns=[A])
    for body, status in (
        ({"interface": "SIP/101"}, 202), ({"interface": "SIP/103"}, 202), ({"interface": "SIP/102"}, 403),
        ({"interface": "SIP/101", "agent": "102"}, 202), ({"interface": "Local/101@agents/n"}, 403),
    ):  # fmt: skip
        said = await api.ask("POST", f"{AT}/members", scoped, json=body)
        assert said.status == status, body
    await api.user("bob", Role.AGENT, phone="102", campaigns=[B])
    bobs = {"interface": "SIP/101", "agent": "bob"}
    assert (await api.ask("POST", f"{AT}/members", scoped, json=bobs)).status == 403
    assert (
        await api.ask("POST", f"{AT}/members", boss, json={"interface": "Local/101@agents/n"})
    ).status == 202


async def test_an_agent_is_paused_where_the_caller_reaches(api: ApiRig, boss: str, floor: None) -> None:
    api.sql(f"INSERT INTO ccdata.dialers (campaign) VALUES ('{B}')")
    scoped = await api.user("scoped", Role.SUPERVISOR, campaigns=[A])
    made = await post(api, scoped, f"{V1}/agents/pause", {"agent": "ana", "reason": "lunch"}, 202)
    assert [(one["campaign"], one["agent"], one["interface"]) for one in made] == [(A, "ana", "PJSIP/101")]
    assert (await get(api, scoped, f"{V1}/orders/{made[0]['order']}"))["status"] == "new"
    assert ordered(api) == [["pause", A, "ana", "PJSIP/101", "lunch"]]
    for agent in ("101", "SIP/101", "pjsip/101", "ANA"):
        await post(api, boss, f"{V1}/agents/unpause", {"agent": agent}, 202)
        assert ordered(api) == [
            ["unpause", A, "ana", "PJSIP/101", ""],
            ["unpause", B, "ana", "PJSIP/101", ""],
        ]
    await post(api, boss, f"{V1}/agents/pause", {"agent": "ana", "campaign": "b<-"}, 202)
    assert ordered(api) == [["pause", B, "ana", "PJSIP/101", ""]]
    said = json.dumps(api.sql("SELECT action FROM ccrepo.auditory WHERE userid='scoped'"))
    assert f"pause ana in {A}: lunch" in said
    for body, status in (({"agent": "bob"}, 422), ({"agent": "ana", "campaign": B}, 403)):
        assert (await api.ask("POST", f"{V1}/agents/pause", scoped, json=body)).status == status
    for field, body in (
        ("agent", {"agent": "nobody"}), ("agent", {"agent": "x/ y"}), ("agent", {}),
        ("reason", {"agent": "ana", "reason": "ü" * 40}), ("reason", {"agent": "ana", "reason": "x" * 80}),
    ):  # fmt: skip
        assert fields(await api.ask("POST", f"{V1}/agents/pause", boss, json=body)) == [field]
    api.live.linked = False
    assert (await api.ask("POST", f"{V1}/agents/pause", boss, json={"agent": "ana"})).status == 503
    assert ordered(api) == []


async def test_agents_pause_themselves_alone(api: ApiRig, boss: str, floor: None) -> None:
    ana = await api.user("ana", Role.AGENT, phone="101", campaigns=[A])
    for agent in ("ana", "101", "SIP/101"):
        [made] = await post(api, ana, f"{V1}/agents/pause", {"agent": agent, "reason": "coffee"}, 202)
        assert made["campaign"] == A
        assert (await api.ask("GET", f"{V1}/orders/{made['order']}", ana)).status == 200
    ordered(api)
    assert fields(await api.ask("POST", f"{V1}/agents/pause", ana, json={"agent": "bob"})) == ["agent"]
    # Whose user name is somebody else's extension is still not that agent.
    other = await api.user("102", Role.AGENT, phone="104")
    assert fields(await api.ask("POST", f"{V1}/agents/pause", other, json={"agent": "102"})) == ["agent"]
    assert (await api.ask("POST", f"{AT}/members", ana, json={"interface": "SIP/101"})).status == 403
    assert ordered(api) == []


async def test_a_pause_that_is_sent_twice_is_ordered_once(api: ApiRig, boss: str, floor: None) -> None:
    key = {"Idempotency-Key": "pause-1"}
    first, second = [
        await api.ask("POST", f"{V1}/agents/pause", boss, json={"agent": "bob"}, headers=key) for _ in "12"
    ]
    assert (first.text, second.headers["Idempotency-Replayed"]) == (second.text, "true")
    assert len(ordered(api)) == 1


async def test_a_leave_waits_for_an_engine_unless_he_is_wanted_again(api: ApiRig, boss: str) -> None:
    for phone in ("101", "102"):
        await post(api, boss, f"{AT}/members", {"interface": f"SIP/{phone}"}, 202)
        assert (await api.ask("DELETE", f"{AT}/members?interface=SIP/{phone}", boss)).status == 202
    await post(api, boss, f"{AT}/members", {"interface": "SIP/102"}, 202)
    api.sql("UPDATE ccdata.orders SET created_at = NOW(3) - INTERVAL 1 DAY")
    claimant = Claimant("", 0, api.office.local, api.office.legal)
    taken = await api.office.database.transaction(
        lambda s: orders.take(s, claimant, api.office.new_id, datetime.now(UTC))
    )
    assert [one.order for one in taken] == [Leave(A, "PJSIP/101")]
    results = api.sql("SELECT kind, phone, result FROM ccdata.orders WHERE status='failed' ORDER BY id")
    assert [(kind, phone) for kind, phone, _ in results] == [
        ("join", "PJSIP/101"), ("join", "PJSIP/102"), ("leave", "PJSIP/102"), ("join", "PJSIP/102"),
    ]  # fmt: skip
    assert "a row of queue_members seats it" in results[2][2]
