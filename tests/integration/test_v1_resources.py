"""`/api/v1` as a client sees it: everything that a supervisor does by SQL or command, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.domain.access import Role
from engine.domain.agent import SeatState
from engine.domain.live import QueueNow, SeatNow
from tests.api_rig import ApiRig, Said

V1 = "/api/v1"
A, AT = "A<-", "/api/v1/campaigns/A%3C-"
NEW = {
    "campaign": A,
    "schedule": "sun-sat;00:00-23:59",
    "dialstring": "SIP/CARRIER/",
    "callerid": "18885550100",
    "country": "none",
    "queue": {"queue_timeout": 5},
}


#: Tables that the tests of a file fill: each test begins with empty ones.
_TABLES = [
    "ccdata.dialers",
    "ccdata.queues",
    "ccdata.dialer_base",
    "ccdata.calls_spool",
    "ccdata.calls_scheduler",
    "ccdata.black_list",
    "ccdata.opt_outs",
    "ccdata.drains",
    "ccdata.dialer_options",
    "ccdata.campaign_state",
    "ccdata.decisions",
    "ccdata.uploads",
    "ccdata.upload_lines",
    "ccdata.attempts",
    "ccdata.orders",
    "ccdata.dispositions",
    "ccdata.caller_ids",
    "ccdata.caller_id_state",
    "ccdata.webhooks",
    "ccdata.webhook_events",
    "ccdata.webhook_deliveries",
    "ccdata.idempotency_keys",
    "ccdata.users",
    "ccdata.user_campaigns",
    "ccdata.phones",
    "ccrepo.finished_contacts",
    "ccrepo.auditory",
    "ccrepo.disposition_repo",
]


async def first_campaign(api: ApiRig) -> str:
    """Make everything empty but for campaign A<-, switched off; return a supervisor's token."""
    api.sql(";".join(f"DELETE FROM {table}" for table in _TABLES))
    token = await api.user("boss", Role.SUPERVISOR)
    assert (await api.ask("POST", f"{V1}/campaigns", token, json=NEW)).status == 201
    return token


@pytest.fixture
async def boss(api: ApiRig) -> str:
    """A supervisor's token; campaign A<- is there, switched off."""
    return await first_campaign(api)


async def get(api: ApiRig, token: str, path: str) -> Any:
    said = await api.ask("GET", path, token)
    assert said.status == 200, said
    return said.json()


async def post(api: ApiRig, token: str, path: str, body: Any = None, status: int = 201, **more: Any) -> Any:
    said = await api.ask("POST", path, token, **({} if body is None else {"json": body}), **more)
    assert said.status == status, said
    return said.json() if said.text else None


def fields(said: Said) -> list[str]:
    assert said.headers["Content-Type"] == "application/problem+json", said
    return [fault["field"] for fault in said.json()["errors"]]


async def reached(ready: Callable[[], Awaitable[object]], what: str) -> None:
    try:
        async with asyncio.timeout(20):
            while not await ready():  # noqa: ASYNC110  the status is on the other side
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"not reached: {what}")


# Campaigns.


async def test_of_many_who_make_a_campaign_one_does(api: ApiRig, boss: str) -> None:
    new = {**NEW, "campaign": "RACE->"}
    made = await asyncio.gather(*(api.ask("POST", f"{V1}/campaigns", boss, json=new) for _ in range(6)))
    assert sorted(said.status for said in made) == [201, *[409] * 5]


async def test_a_campaign_is_made_steered_and_read(api: ApiRig, boss: str) -> None:
    found = await api.ask("GET", AT, boss)
    campaign = found.json()
    assert (campaign["campaign"], campaign["enabled"], campaign["paused"]) == (A, False, False)
    assert (campaign["dialertype"], campaign["queue"]["queue_timeout"]) == ("PowerDialer", 5)
    etag = found.headers["ETag"]

    change = {"tbc": -20, "am": True, "options": {"machines": "message", "machine_sound": "sorry"}}
    changed = await api.ask("PATCH", AT, boss, json=change, headers={"If-Match": etag})
    assert changed.status == 200, changed
    assert (changed.json()["tbc"], changed.json()["am"]) == (-20, True)
    assert changed.json()["options"]["machine_sound"] == "sorry"
    assert api.value("SELECT tbc FROM ccdata.dialers") == "-20"
    late = await api.ask("PATCH", AT, boss, json={"tbc": 0}, headers={"If-Match": etag})
    assert late.status == 412
    assert api.value("SELECT tbc FROM ccdata.dialers") == "-20"
    reset = await api.ask("PATCH", AT, boss, json={"options": None})
    assert reset.json()["options"] is None
    queue = {"strategy": "leastrecent", "servicelevel": 20, "ringinuse": True, "joinempty": "paused, invalid"}
    changed = await api.ask("PATCH", AT, boss, json={"queue": queue})
    assert queue.items() <= changed.json()["queue"].items(), changed
    assert changed.json()["queue"]["queue_timeout"] == 5
    for bad in ({"strategy": "fastest"}, {"leavewhenempty": "never"}, {"musiconhold": "a\nb"}):
        assert fields(await api.ask("PATCH", AT, boss, json={"queue": bad})) == list(bad)
    reset = await api.ask("PATCH", AT, boss, json={"queue": None})
    assert (reset.json()["queue"]["strategy"], reset.json()["queue"]["queue_timeout"]) == ("rrmemory", 600)

    assert (await post(api, boss, f"{AT}/start", status=202))["wanted"] == "running"
    assert api.value("SELECT status FROM ccdata.dialers") == "1"
    await post(api, boss, f"{AT}/pause", {"reason": "lunch"}, 202)
    assert api.sql("SELECT campaign, reason FROM ccdata.drains") == [[A, "lunch"]]
    assert (await get(api, boss, AT))["paused"]
    await post(api, boss, f"{AT}/start", status=202)
    assert not (await get(api, boss, AT))["paused"]
    await post(api, boss, f"{AT}/stop", status=202)
    assert api.value("SELECT status FROM ccdata.dialers") == "0"
    assert "POST /api/v1/campaigns/A<-/stop" in api.audited()
    assert any(action.startswith('A<-: {"am":true,"tbc":-20') for action in api.audited())


async def test_settings_that_the_engine_could_not_use_are_refused_by_field(api: ApiRig, boss: str) -> None:
    for change, field in (
        ({"schedule": "someday"}, "schedule"),
        ({"dialstring": "carrier pigeon"}, "dialstring"),
        ({"tbc": "fast"}, "tbc"),
        ({"colour": "blue"}, "colour"),
        ({"options": {"machines": "eat"}}, "options.machines"),
        ({"callerid": "nobody"}, "callerid"),
    ):
        said = await api.ask("PATCH", AT, boss, json=change)
        assert said.status == 422, (change, said)
        assert fields(said) == [field], change
    before = api.sql("SELECT * FROM ccdata.dialers")
    await api.ask("PATCH", AT, boss, json={"tbc": -5, "schedule": "never"})
    assert api.sql("SELECT * FROM ccdata.dialers") == before
    assert (await api.ask("POST", f"{V1}/campaigns", boss, json=NEW)).status == 409
    assert (await api.ask("GET", f"{V1}/campaigns/NONE", boss)).status == 404
    assert (await api.ask("PATCH", f"{V1}/campaigns/NONE", boss, json={})).status == 404
    assert (await api.ask("POST", f"{V1}/campaigns", boss, data=b"{")).status == 422


async def test_pace_in_words(api: ApiRig, boss: str) -> None:
    async def pace(**wish: Any) -> Said:
        return await api.ask("PUT", f"{AT}/pace", boss, json=wish)

    assert (await pace(overdial=30)).json() == {
        "overdial": 30, "adaptive": False, "target": None, "gap": None, "maxchannels": 10,
    }  # fmt: skip
    assert (await pace(adaptive=True, maxchannels=40)).json()["adaptive"]
    assert api.sql("SELECT tbc, maxchannels FROM ccdata.dialers") == [["-1", "40"]]
    assert (await pace(gap=250)).json()["gap"] == 250
    assert fields(await pace(target=3)) == ["target"]
    assert fields(await pace(gap=1, overdial=5)) == ["gap"]
    assert fields(await pace()) == ["overdial"]
    await api.ask("PATCH", AT, boss, json={"dialertype": "Predictive"})
    assert (await pace(target=3)).json()["target"] == 3
    assert fields(await pace(overdial=30)) == ["overdial"]


async def test_state_and_decisions_as_written_by_the_engine(api: ApiRig, boss: str) -> None:
    assert (await api.ask("GET", f"{AT}/state", boss)).status == 404
    api.sql(
        "INSERT INTO ccdata.campaign_state (campaign, state, reason, bound, ready, channels, since,"
        " updated_at)"
        f" VALUES ('{A}', 'running', 'why', 'agents', 3, 7, '2026-05-13 16:00', '2026-05-13 16:01')"
    )
    api.sql(
        "INSERT INTO ccdata.decisions (campaign, slot, decided_at, calls, bound, reason, detail)"
        f" VALUES ('{A}', 1, '2026-05-13 16:01', 4, 'agents', 'because', '{{\"ready\": 3}}')"
    )
    state = await get(api, boss, f"{AT}/state")
    assert (state["state"], state["live"], state["since"]) == ("running", False, "2026-05-13T16:00:00Z")
    assert (state["seats"]["ready"], state["under_way"]["channels"]) == (3, 7)
    [decision] = await get(api, boss, f"{AT}/decisions")
    assert (decision["calls"], decision["numbers"]) == (4, {"ready": 3.0})
    [line] = (await get(api, boss, f"{V1}/campaigns"))["items"]
    assert (line["campaign"], line["state"]) == (A, "running")


async def test_a_supervisor_sees_and_steers_his_campaigns_alone(api: ApiRig, boss: str) -> None:
    for name in ("B<-", "C<-"):
        await post(api, boss, f"{V1}/campaigns", {**NEW, "campaign": name})
    scoped = await api.user("scoped", Role.SUPERVISOR, campaigns=["B<-"])
    assert [c["campaign"] for c in (await get(api, scoped, f"{V1}/campaigns"))["items"]] == ["B<-"]
    assert (await api.ask("POST", f"{V1}/campaigns", scoped, json={**NEW, "campaign": "D<-"})).status == 403
    move = await api.ask("POST", f"{V1}/campaigns/B%3C-/lists/L1/move", scoped, json={"target": A})
    assert move.status == 403
    api.sql(f"INSERT INTO ccdata.calls_spool (id, campaign, destination) VALUES (77, '{A}', '2125550001')")
    assert (await api.ask("GET", f"{V1}/contacts/77", scoped)).status == 403
    assert (await get(api, scoped, f"{V1}/contacts?number=2125550001"))["items"] == []
    assert (await api.ask("GET", f"{V1}/calls?campaign=A%3C-", scoped)).status == 403
    wish = {"number": "2125550001"}
    assert (await api.ask("POST", f"{V1}/black-list", scoped, json=wish)).status == 403
    mine = {**wish, "campaign": "B<-"}
    assert (await api.ask("POST", f"{V1}/black-list", scoped, json=mine)).status == 201
    first = await get(api, boss, f"{V1}/campaigns?limit=2")
    rest = await get(api, boss, f"{V1}/campaigns?limit=2&cursor={first['next']}")
    assert [c["campaign"] for c in first["items"] + rest["items"]] == [A, "B<-", "C<-"]
    assert rest["next"] is None


# Lists and files.


async def test_lists(api: ApiRig, boss: str) -> None:
    made = await api.ask("POST", f"{AT}/lists", boss, json={"name": "MARCH", "timezone": "America/Lima"})
    assert made.status == 201
    assert made.headers["Location"] == f"{AT}/lists/MARCH"
    assert (await api.ask("POST", f"{AT}/lists", boss, json={"name": "MARCH"})).status == 409
    assert fields(await api.ask("POST", f"{AT}/lists", boss, json={"name": "no good"})) == ["name"]
    assert fields(await api.ask("POST", f"{AT}/recycle", boss, json={"name": "no good"})) == ["name"]
    await post(api, boss, f"{AT}/lists", {"name": "APRIL", "active": True})
    for number in ("2125550001", "2125550002"):
        await post(api, boss, f"{AT}/contacts", {"number": number, "list": "MARCH"})
    change = {"active": True, "percentage": 40, "alone": True, "timezone": ""}
    changed = await api.ask("PATCH", f"{AT}/lists/MARCH", boss, json=change)
    assert changed.status == 200, changed
    assert (changed.json()["percentage"], changed.json()["ready"], changed.json()["timezone"]) == (40, 2, "")
    shareless = await api.ask("PATCH", f"{AT}/lists/MARCH", boss, json={"percentage": None})
    assert (shareless.json()["percentage"], shareless.json()["active"]) == (None, True)
    both = await get(api, boss, f"{AT}/lists")
    assert [(one["name"], one["active"]) for one in both] == [("MARCH", True), ("APRIL", False)]
    assert fields(await api.ask("PATCH", f"{AT}/lists/MARCH", boss, json={"timezone": "Mars"})) == [
        "timezone"
    ]

    await post(api, boss, f"{V1}/campaigns", {**NEW, "campaign": "B<-"})
    moved = await post(api, boss, f"{AT}/lists/MARCH/move", {"target": "B<-"}, 200)
    assert moved == {"contacts": 2, "stayed": 0}
    assert fields(await api.ask("POST", f"{AT}/lists/MARCH/move", boss, json={"target": A})) == ["target"]
    gone = await api.ask("DELETE", f"{V1}/campaigns/B%3C-/lists/MARCH", boss)
    assert gone.json() == {"contacts": 2, "stayed": 0}
    assert (await api.ask("GET", f"{AT}/lists/MAY", boss)).status == 404


async def test_a_file_is_loaded_and_tells_what_it_refused(api: ApiRig, boss: str) -> None:
    content = f"{A};2125550001;name=Ana;;5\n{A};nobody;;;\nZ<-;2125550003;;;\n{A};2125550002;;;\n"
    good = f"{A};2125550009;;;\n"
    sent = await api.ask("POST", f"{AT}/uploads?list=MARCH", boss, data=content.encode())
    assert sent.status == 202, sent
    where = sent.headers["Location"]

    async def loaded() -> bool:
        return bool((await get(api, boss, where))["status"] == "done")

    await reached(loaded, "the file is loaded")
    upload = await get(api, boss, where)
    assert (upload["accepted"], upload["refused"], upload["list"], upload["username"]) == (
        2,
        2,
        "MARCH",
        "boss",
    )
    refused = (await get(api, boss, f"{where}/refused"))["items"]
    assert [line["line"] for line in refused] == [2, 3]
    assert refused[0]["reason"].startswith("phone")
    first = await get(api, boss, f"{where}/refused?limit=1")
    assert [line["line"] for line in first["items"]] == [2]
    assert (await get(api, boss, f"{V1}/uploads"))["items"][0]["id"] == upload["id"]
    for status in (202, 409):
        again = await api.ask("POST", f"{AT}/uploads?list=MARCH", boss, data=good.encode())
        assert again.status == status
    assert fields(await api.ask("POST", f"{AT}/uploads?list=X", boss, data=b"hello")) == ["body"]


async def test_refused_lines_show_nothing_of_campaigns_that_are_not_ones_own(api: ApiRig, boss: str) -> None:
    api.sql("INSERT INTO ccdata.dialers (campaign) VALUES ('B<-')")
    lines = (
        f"{A};2125550001;;;BAD;", "B<-;5559998877;name=Maria Secret;;BAD;", "B<-;John \\'Hidden\\\" Doe;;;",
        "C<-;1;Eva Veiled;;", f"{A};2125550005;;;", f"{A};2125550005;;;", "B<-;5559998866;;;",
        "B<-;5559998866;;;",
    )  # fmt: skip
    sent = await api.ask("POST", f"{AT}/uploads?list=MARCH", boss, data="\n".join(lines).encode())
    where = sent.headers["Location"]

    async def loaded() -> bool:
        return bool((await get(api, boss, where))["status"] == "done")

    await reached(loaded, "the file is loaded")
    whole = (await get(api, boss, f"{where}/refused"))["items"]
    assert [line["text"] for line in whole[:4]] == list(lines[:4])
    crm = await api.user("crm", Role.INTEGRATION, campaigns=[A])
    told = (await get(api, crm, f"{where}/refused"))["items"]
    assert [(line["line"], line["text"]) for line in told] == [
        (1, lines[0]), (2, ""), (3, ""), (4, ""), (6, f"{A};2125550005"), (8, ""),
    ]  # fmt: skip
    assert told[0]["reason"] == whole[0]["reason"]
    assert told[1]["reason"].startswith("priority: … is none")
    for secret in ("Maria", "BAD;", "5559998877", "John", "Hidden", "Doe", "Eva", "C<-", "5559998866"):
        assert secret not in str(told[1:]), secret
    assert "BAD" not in told[1]["reason"]
    api.sql(f"UPDATE ccdata.uploads SET username='CRM' WHERE campaign='{A}'")
    assert (await get(api, crm, f"{where}/refused"))["items"] == whole


async def test_finished_contacts_come_again(api: ApiRig, boss: str) -> None:
    api.sql(
        "INSERT INTO ccrepo.finished_contacts (spool_id, campaign, dialerbase, contact, destination, outcome,"
        f" finished_at) VALUES (901, '{A}', 'L1', 'C-1', '2125550001', 'busy', '2026-05-13'),"
        f" (902, '{A}', 'L1', 'C-2', '2125550002', 'answered', '2026-05-13')"
    )
    assert fields(await api.ask("POST", f"{AT}/recycle", boss, json={})) == ["outcomes"]
    made = await post(api, boss, f"{AT}/recycle", {"outcomes": ["busy"]})
    assert made == {"list": "L1-R1", "lists": {"L1-R1": 1}, "contacts": 1, "there": 0}
    none = await post(api, boss, f"{AT}/recycle", {"outcomes": ["busy"]}, 200)
    assert none["contacts"] == 0
    back = await post(api, boss, f"{AT}/respool", {"contact": "C-2"})
    assert (back["number"], back["list"], back["status"]) == ("2125550002", "L1", "ready")
    assert (await api.ask("POST", f"{AT}/respool", boss, json={"contact": "C-2"})).status == 404
    assert (await api.ask("POST", f"{AT}/respool", boss, json={})).status == 422


# Contacts.


async def test_contacts_are_added_found_mended_and_removed(api: ApiRig, boss: str) -> None:
    await post(api, boss, f"{AT}/lists", {"name": "MARCH", "active": True})
    wish = {
        "number": "M=2=+1 212 555-0001", "alternatives": ["W=0=2125550009", "2125550008"],
        "data": {"name": "Ana", "debt": "12.50"}, "contact": "C-1", "list": "MARCH", "priority": 7,
    }  # fmt: skip
    made = await api.ask("POST", f"{AT}/contacts", boss, json=wish)
    assert made.status == 201, made
    contact = made.json()
    assert made.headers["Location"] == f"{V1}/contacts/{contact['id']}"
    assert (contact["status"], contact["data"], contact["priority"]) == ("ready", wish["data"], 7)
    assert len(contact["alternatives"]) == 2
    task = await post(api, boss, f"{AT}/contacts", {"number": "2125550002", "contact": "C-2"})
    assert (task["list"], task["contact"]) == ("", "C-2")
    again = await post(api, boss, f"{AT}/contacts", {"number": "12125550001", "list": "MARCH"})
    assert again == {**contact, "number": again["number"], "priority": 9999}, "what is not given stays"
    for more in ({}, {"list": "MARCH"}):
        other = await post(api, boss, f"{AT}/contacts", {"number": "2125550002", "contact": "C-3", **more})
        assert other["contact"] == "C-3"
        assert other["id"] != task["id"]
        assert (await api.ask("DELETE", f"{V1}/contacts/{other['id']}", boss)).status == 204
    assert (await get(api, boss, f"{V1}/contacts/{task['id']}"))["contact"] == "C-2"
    lost = await api.ask("PATCH", f"{V1}/contacts/{contact['id']}", boss, json={"list": "NONE"})
    assert fields(lost) == ["list"]
    for query in ("number=%2B1(212)5550001", "contact=C-1"):
        [found] = (await get(api, boss, f"{V1}/contacts?{query}"))["items"]
        assert found["id"] == contact["id"]
    api.sql(f"UPDATE ccdata.calls_spool SET status=2, reason='bad' WHERE id={contact['id']}")
    [aside] = (await get(api, boss, f"{AT}/contacts?status=set_aside"))["items"]
    assert aside["reason"] == "bad"
    assert (await get(api, boss, f"{AT}/contacts?status=waiting"))["items"] == []
    assert len((await get(api, boss, f"{AT}/contacts?status=ready&list="))["items"]) == 1
    mended = await api.ask("PATCH", f"{V1}/contacts/{contact['id']}", boss, json={"number": "2125550005"})
    assert (mended.json()["status"], mended.json()["number"], mended.json()["reason"]) == (
        "ready", "2125550005", "",
    )  # fmt: skip
    double = await api.ask("PATCH", f"{V1}/contacts/{contact['id']}", boss, json={"number": "2125550002"})
    assert double.status == 409
    api.sql(f"UPDATE ccdata.calls_spool SET status=0 WHERE id={contact['id']}")
    busy = await api.ask("PATCH", f"{V1}/contacts/{contact['id']}", boss, json={"priority": 3})
    assert busy.status == 409
    assert (await api.ask("DELETE", f"{V1}/contacts/{task['id']}", boss)).status == 204
    assert (await api.ask("GET", f"{V1}/contacts/{task['id']}", boss)).status == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": "call me"}, "number"),
        ({"alternatives": ["2125550002", "x"]}, "alternatives"),
        ({"data": {"a:b": "1"}}, "data"),
        ({"data": {"a": "1;2"}}, "data"),
        ({"priority": 1}, "priority"),
        ({"list": "NONE"}, "list"),
        ({"number": "x" * 65}, "number"),
    ],
)
async def test_a_contact_that_cannot_be_stored_is_refused_by_field(
    api: ApiRig, boss: str, change: dict[str, Any], field: str
) -> None:
    said = await api.ask("POST", f"{AT}/contacts", boss, json={"number": "2125550001", **change})
    assert said.status == 422, said
    assert fields(said) == [field]
    assert api.sql("SELECT * FROM ccdata.calls_spool") == []


async def test_scheduled_calls(api: ApiRig, boss: str) -> None:
    for hour in (3, 1, 2):
        wish = {"at": f"2030-01-01T0{hour}:00:00Z", "number": f"212555000{hour}", "agent": "ana"}
        await post(api, boss, f"{AT}/scheduled", wish)
    first = await get(api, boss, f"{AT}/scheduled?limit=2")
    rest = await get(api, boss, f"{AT}/scheduled?cursor={first['next']}")
    assert [call["number"][-1] for call in first["items"] + rest["items"]] == ["1", "2", "3"]
    assert first["items"][0]["at"].startswith("2030-01-01T01:00:00")
    gone = f"{AT}/scheduled/{first['items'][0]['id']}"
    assert (await api.ask("DELETE", gone, boss)).status == 204
    assert (await api.ask("DELETE", gone, boss)).status == 404


async def test_the_black_list(api: ApiRig, boss: str) -> None:
    made = await api.ask("POST", f"{V1}/black-list", boss, json={"number": "+1 212 5550001", "name": "Ana"})
    assert made.status == 201
    check = await get(api, boss, f"{V1}/black-list/check?number=12125550001")
    assert check["blocked"]
    assert "the number is on the black list" in check["reasons"]
    await post(api, boss, f"{V1}/black-list", {"number": "2125550002", "campaign": A})
    assert not (await get(api, boss, f"{V1}/black-list/check?number=2125550002"))["blocked"]
    assert (await get(api, boss, f"{V1}/black-list/check?number=2125550002&campaign=A%3C-"))["blocked"]
    first = await get(api, boss, f"{V1}/black-list?limit=1")
    rest = await get(api, boss, f"{V1}/black-list?limit=1&cursor={first['next']}")
    assert {entry["username"] for entry in first["items"] + rest["items"]} == {"boss"}
    one = f"{V1}/black-list?number=2125550002&campaign=A%3C-"
    assert (await api.ask("DELETE", one, boss)).status == 204
    assert (await api.ask("DELETE", one, boss)).status == 404
    # What was said for all campaigns is the person's own word: it stays among the opt-outs.
    assert (await api.ask("DELETE", f"{V1}/black-list?number=12125550001&campaign=*", boss)).status == 204
    left = await get(api, boss, f"{V1}/black-list/check?number=12125550001")
    assert left["reasons"] == ["the person does not want to be called"]
    assert len([action for action in api.audited() if "black-list" in action]) == 6
    assert "black list of A<-: 2125550002 taken off" in api.audited()
    assert (
        await api.ask("POST", f"{V1}/black-list", boss, json={"number": "1", "campaign": "X"})
    ).status == 404


# Calls and agents.


def calls(api: ApiRig, count: int, **columns: Any) -> list[str]:
    guids = []
    for n in range(count):
        guid = f"0195573e-0000-7000-8000-{n:012d}"
        values = {
            "id": guid, "campaign": A, "spool_id": n, "destination": f"212555{n:04d}", "owner": "x",
            "fence": 0,
            "number": f"1212555{n:04d}", "state": "ended", "outcome": "busy", "agent": "ana",
            "claimed_at": f"2026-05-13 16:00:{n:02d}", **columns,
        }  # fmt: skip
        api.sql(
            f"INSERT INTO ccdata.attempts ({', '.join(values)}) VALUES"
            f" ({', '.join(repr(value) for value in values.values())})"
        )
        guids.append(guid)
    return guids


async def test_history_page_by_page_newest_first(api: ApiRig, boss: str) -> None:
    guids = calls(api, 5)
    for query in ("", f"campaign={A.replace('<', '%3C')}&", "contact=&outcome=busy&"):
        found: list[str] = []
        cursor = ""
        while cursor is not None:
            page = await get(api, boss, f"{V1}/calls?{query}limit=2&cursor={cursor}")
            found += [call["guid"] for call in page["items"]]
            cursor = page["next"]
        assert found == guids[::-1], query
    [one] = (await get(api, boss, f"{V1}/calls?number=%2B12125550003"))["items"]
    assert (one["guid"], one["outcome"], one["claimed_at"]) == (guids[3], "busy", "2026-05-13T16:00:03Z")
    some = await get(
        api, boss, f"{V1}/calls?campaign=A%3C-&since=2026-05-13T16:00:01Z&until=2026-05-13T16:00:03Z"
    )
    assert [call["guid"] for call in some["items"]] == guids[1:3][::-1]
    assert (await get(api, boss, f"{V1}/calls/{guids[0]}"))["number"] == "2125550000"
    assert (await api.ask("GET", f"{V1}/calls/nothing", boss)).status == 404
    assert fields(await api.ask("GET", f"{V1}/calls?cursor=abc", boss)) == ["cursor"]
    for start, end in (
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-12:00"),
    ):
        always = await get(api, boss, f"{V1}/calls?campaign=A%3C-&since={start}&until={end}")
        assert always["items"], "what some libraries write for always and never"
    assert fields(await api.ask("GET", f"{V1}/calls?since=2026-05-13T16:00:00", boss)) == ["since"]


async def test_calls_that_are_up_and_agents_reserved_for_them(api: ApiRig, boss: str) -> None:
    calls(api, 1, state="offered", outcome=0)
    [up] = await get(api, boss, f"{V1}/calls/live")
    assert (up["state"], up["agent"]) == ("offered", "ana")
    [reserved] = await get(api, boss, f"{V1}/agents/reservations")
    assert (reserved["agent"], reserved["campaign"]) == ("ana", A)


async def test_a_call_is_ordered_hung_up_and_decided(api: ApiRig, boss: str) -> None:
    await api.user("ana", Role.AGENT, phone="101")
    wish = {"campaign": A, "agent": "ana", "number": "+1 (212) 555-0001"}
    made = await api.ask("POST", f"{V1}/calls", boss, json=wish)
    assert made.status == 202, made
    row = api.sql("SELECT kind, phone, agent, destination, guid FROM ccdata.orders")[0]
    assert row == ["call", "101", "ana", "+12125550001", made.json()["guid"]]
    order = await get(api, boss, made.headers["Location"])
    assert (order["status"], order["guid"]) == ("new", made.json()["guid"])
    [guid] = calls(api, 1, state="offered", outcome=0)
    await post(api, boss, f"{V1}/calls/{guid}/decision", {"act": "dial"}, 202)
    await post(api, boss, f"{V1}/calls/{guid}/hangup", status=202)
    await post(api, boss, f"{V1}/agents/ana/hangup", status=202)
    assert api.sql("SELECT kind, attempt, phone FROM ccdata.orders WHERE id > 1 ORDER BY id") == [
        ["decide", guid, ""], ["hangup", guid, ""], ["hangup", "", "101"],
    ]  # fmt: skip
    api.sql("UPDATE ccdata.attempts SET state='ended'")
    assert (await api.ask("POST", f"{V1}/calls/{guid}/hangup", boss)).status == 409
    assert (await api.ask("POST", f"{V1}/calls/{guid}/decision", boss, json={"act": "skip"})).status == 409
    for field, value in (("number", "me"), ("context", "a b"), ("agent", "x y")):
        said = await api.ask("POST", f"{V1}/calls", boss, json={**wish, field: value})
        assert (said.status, fields(said)) == (422, [field])


async def test_a_call_is_ordered_for_agents_and_campaigns_of_ones_own(api: ApiRig, boss: str) -> None:
    crm = await api.user("crm", Role.INTEGRATION, campaigns=[A])
    await api.user("ana", Role.AGENT, phone="101", campaigns=["B<-"])
    await api.user("bob", Role.AGENT, phone="102", campaigns=[A])
    seats = [SeatNow(f"PJSIP/{phone}", "x", False, SeatState.READY) for phone in ("101", "103")]
    api.live.seen[:] = [QueueNow("B<-", (seats[0],), 0), QueueNow(A, (seats[1],), 0)]
    wish = {"campaign": A, "number": "2125550001"}
    for agent, status in (("ana", 403), ("101", 403), ("bob", 202), ("103", 202), ("nobody", 403)):
        said = await api.ask("POST", f"{V1}/calls", crm, json={**wish, "agent": agent})
        assert said.status == status, agent
    flow = {**wish, "agent": "bob", "context": "flow"}
    assert fields(await api.ask("POST", f"{V1}/calls", crm, json=flow)) == ["context"]
    assert (await api.ask("POST", f"{V1}/calls", boss, json=flow)).status == 202
    nope = {**wish, "agent": "bob", "campaign": "NOPE->"}
    assert fields(await api.ask("POST", f"{V1}/calls", boss, json=nope)) == ["campaign"]
    assert api.value("SELECT COUNT(*) FROM ccdata.orders") == "3"
    api.live.seen[:] = []


async def test_an_order_is_told_to_whom_it_concerns(api: ApiRig, boss: str) -> None:
    api.sql("INSERT INTO ccdata.dialers (campaign) VALUES ('B<-')")
    ana = await api.user("ana", Role.AGENT, phone="101", campaigns=["B<-"])
    scoped = await api.user("scoped", Role.SUPERVISOR, campaigns=[A])
    other = await api.user("other", Role.INTEGRATION, campaigns=["B<-"])
    [guid] = calls(api, 1, state="connected", outcome=0)
    phone = await post(api, boss, f"{V1}/agents/ana/hangup", status=202)
    hers = await post(api, ana, f"{V1}/agents/101/hangup", status=202)
    one = await post(api, scoped, f"{V1}/calls/{guid}/hangup", status=202)
    for order, who, status in (
        (phone, scoped, 403), (phone, other, 403), (phone, boss, 200), (phone, ana, 200), (hers, ana, 200),
        (hers, scoped, 403), (one, scoped, 200), (one, other, 403), (one, boss, 200),
    ):  # fmt: skip
        said = await api.ask("GET", f"{V1}/orders/{order['order']}", who)
        assert said.status == status, (order, who)


async def test_an_agent_acts_for_himself_alone(api: ApiRig, boss: str) -> None:
    ana = await api.user("ana", Role.AGENT, phone="101")
    [guid] = calls(api, 1, state="offered", outcome=0, agent="bob")
    assert (await api.ask("POST", f"{V1}/calls/{guid}/decision", ana, json={"act": "dial"})).status == 404
    assert (await api.ask("POST", f"{V1}/agents/bob/hangup", ana)).status == 422
    assert (await api.ask("POST", f"{V1}/agents/101/hangup", ana)).status == 202
    wish = {"campaign": A, "agent": "bob", "number": "2125550001"}
    assert fields(await api.ask("POST", f"{V1}/calls", ana, json=wish)) == ["agent"]
    assert (await api.ask("POST", f"{V1}/calls", ana, json={**wish, "agent": "ana"})).status == 202
    assert (await api.ask("GET", f"{V1}/calls", ana)).status == 403


async def test_the_form_of_a_call_is_its_agents_and_goes_back_as_it_is(api: ApiRig, boss: str) -> None:
    ana, bob = [await api.user(name, Role.AGENT) for name in ("ana", "bob")]
    api.sql(
        f"INSERT INTO ccdata.dialer_base (campaign, name) VALUES ('{A}', 'MARCH');"
        " INSERT INTO ccdata.calls_spool (id, campaign, dialerbase, destination, alternatives, data, contact,"
        f" status) VALUES (77, '{A}', 'MARCH', '12125550001', 'W=0=12125550002', 'n=1', 'C1', 0)"
    )
    [guid] = calls(api, 1, state="connected", outcome=0, agent="ana", destination="12125550001", spool_id=77)
    form = await get(api, ana, f"{V1}/calls/{guid}/form")
    assert form == {
        "campaign": A, "destination": "W=0=12125550002", "dialerbase": "MARCH", "status": 1, "data": "n=1",
        "alternatives": "", "contact": "C1", "retries": 0, "priority": 9999, "agentphone": "",
    }  # fmt: skip
    assert (await api.ask("GET", f"{V1}/calls/{guid}/form", bob)).status == 404
    assert await api.integra("Dialers/Respool", ana, callspool=json.dumps(form)) == "1"
    assert api.value("SELECT destination FROM ccdata.calls_spool WHERE status=1") == "W=0=12125550002"
    api.sql("DELETE FROM ccdata.calls_spool WHERE id=77")
    assert (await api.ask("GET", f"{V1}/calls/{guid}/form", ana)).status == 404


async def test_seats_come_from_the_live_picture(api: ApiRig, boss: str) -> None:
    since = datetime(2026, 5, 13, 16, tzinfo=UTC)
    seat = SeatNow("PJSIP/101", "ana", True, SeatState.TALKING, reason="lunch", since=since)
    api.live.seen[:] = [QueueNow(A, (seat,), 0), QueueNow("B<-", (seat,), 0)]
    scoped = await api.user("scoped", Role.SUPERVISOR, campaigns=[A])
    assert await get(api, scoped, f"{V1}/agents") == [
        {
            "campaign": A,
            "agent": "ana",
            "interface": "PJSIP/101",
            "state": "talking",
            "paused": True,
            "reason": "lunch",
            "since": "2026-05-13T16:00:00Z",
        }
    ]
    assert len(await get(api, boss, f"{V1}/agents")) == 2
    api.live.linked = False
    assert (await api.ask("GET", f"{V1}/agents", boss)).status == 503


async def test_a_body_that_is_no_json_is_named_as_such(api: ApiRig, boss: str) -> None:
    kind = {"Content-Type": "application/json"}
    said = await api.ask("POST", f"{V1}/campaigns", boss, data="{bad", headers=kind)
    assert (said.status, fields(said)) == (422, ["body"])


# Dispositions, caller IDs, webhooks.


async def test_dispositions_are_configured_given_and_told(api: ApiRig, boss: str) -> None:
    admin = await api.user("root", Role.ADMINISTRATOR)
    hook = await post(
        api, admin, f"{V1}/webhooks", {"url": "http://127.0.0.1:9/", "events": ["call.disposition"]}
    )
    for level, action in (("sold", ""), ("never again", "BLACKLIST"), ("later", "SCHEDULE")):
        wish = {"level1": level, "category": "x", "action": action}
        await post(api, boss, f"{AT}/dispositions", wish)
    [guid] = calls(api, 1)
    gave = await post(api, boss, f"{V1}/calls/{guid}/disposition", {"level1": "never again"})
    assert gave == {"guid": guid, "campaign": A, "action": "BLACKLIST"}
    assert api.value("SELECT campaign FROM ccdata.black_list") == A
    body = api.value("SELECT body FROM ccdata.webhook_events")
    assert '"levels":["never again"]' in body
    assert (await get(api, admin, f"{V1}/webhooks/{hook['id']}"))["waiting"] == 1
    assert fields(
        await api.ask("POST", f"{V1}/calls/{guid}/disposition", boss, json={"level1": "later"})
    ) == ["schedule"]
    assert fields(await api.ask("POST", f"{V1}/calls/{guid}/disposition", boss, json={"level1": "odd"})) == [
        "l1"
    ]
    assert api.value("SELECT COUNT(*) FROM ccdata.webhook_events") == "1"
    listed = await get(api, boss, f"{AT}/dispositions")
    assert [one["level1"] for one in listed] == ["later", "never again", "sold"]
    assert (await api.ask("DELETE", f"{AT}/dispositions/{listed[0]['id']}", boss)).status == 204
    assert (await api.ask("DELETE", f"{AT}/dispositions/{listed[0]['id']}", boss)).status == 404


async def test_caller_ids_rest_and_are_released(api: ApiRig, boss: str) -> None:
    api.sql(f"INSERT INTO ccdata.caller_ids (campaign, entry) VALUES ('{A}', '212#12125550100')")
    [own] = await get(api, boss, f"{AT}/caller-ids")
    assert own["entry"] == "212#12125550100"
    rests = await api.ask("PUT", f"{V1}/caller-ids/12125550100/rest", boss, json={"hours": 2})
    assert rests.status == 200, rests
    assert rests.json()["resting_until"] > datetime.now(UTC).isoformat()
    [health] = await get(api, boss, f"{V1}/caller-ids")
    assert health["reason"] == "by boss"
    assert (await api.ask("DELETE", f"{V1}/caller-ids/12125550100/rest", boss)).status == 204
    assert (await api.ask("DELETE", f"{V1}/caller-ids/12125550100/rest", boss)).status == 404
    assert fields(await api.ask("PUT", f"{V1}/caller-ids/1/rest", boss, json={})) == ["until"]


async def test_a_campaign_gets_other_caller_ids(api: ApiRig, boss: str) -> None:
    api.sql("INSERT INTO ccdata.caller_ids (campaign, entry) VALUES ('*', '18885550199')")
    for entries in (["18885550100", "212#12125550100"], ["212#12125550100", "18885550101"]):
        said = await api.ask(
            "PUT", f"{AT}/caller-ids", boss, json=[{"entry": e, "note": "n"} for e in entries]
        )
        assert said.status == 200, said
        assert {one["entry"] for one in said.json()} == {"18885550199", *entries}
    for wrong, field in (
        ("not one", "1.entry"),
        ("18885550102;18885550102", "1.entry"),
        ("18885550103", "1.entry"),
    ):
        body = [{"entry": "18885550103"}, {"entry": wrong}]
        said = await api.ask("PUT", f"{AT}/caller-ids", boss, json=body)
        assert fields(said) == [field]
    assert (await api.ask("PUT", f"{AT}/caller-ids", boss, json=[{"entry": "callerid"}])).status == 422
    program = await api.user("program", Role.INTEGRATION, campaigns=[A])
    assert (await api.ask("PUT", f"{AT}/caller-ids", program, json=[])).status == 403
    assert (await api.ask("PUT", f"{AT}/caller-ids", boss, json=[])).json()[0]["campaign"] == "*"


async def test_webhooks(api: ApiRig, boss: str) -> None:
    assert (await api.ask("GET", f"{V1}/webhooks", boss)).status == 403
    admin = await api.user("root", Role.ADMINISTRATOR)
    made = await api.ask("POST", f"{V1}/webhooks", admin, json={"campaign": A, "url": "http://127.0.0.1:9/x"})
    assert made.status == 201
    hook = made.json()
    assert hook["secret"].startswith("whsec_")
    where = made.headers["Location"]
    assert "secret" not in await get(api, admin, where)
    assert (await get(api, admin, where))["events"] == [
        "call.ended", "call.disposition", "list.finished", "budget.warning",
    ]  # fmt: skip
    changed = await api.ask("PATCH", where, admin, json={"events": ["list.finished"], "enabled": False})
    assert (changed.json()["events"], changed.json()["enabled"]) == (["list.finished"], False)
    event = (await post(api, admin, f"{where}/test", status=202))["event"]
    assert api.value("SELECT kind FROM ccdata.webhook_events") == "webhook.test"
    fresh = (await post(api, admin, f"{where}/secret"))["secret"]
    assert fresh != hook["secret"]
    api.sql("UPDATE ccdata.webhook_deliveries SET next_try=NULL, delivered_at=UTC_TIMESTAMP(3)")
    assert (await post(api, admin, f"{where}/replay", {"events": [event]}, 202))["events"] == 1
    assert (await get(api, admin, f"{V1}/webhooks/dead-letters"))["items"] == []
    for url in ("http://10.0.0.1/", "ftp://example.com/", "http://user@127.0.0.1/"):
        said = await api.ask("POST", f"{V1}/webhooks", admin, json={"url": url})
        assert fields(said) == ["url"]
    typo = {"campaign": "no such one", "url": "http://127.0.0.1:9/"}
    assert fields(await api.ask("POST", f"{V1}/webhooks", admin, json=typo)) == ["campaign"]
    assert (await api.ask("DELETE", where, admin)).status == 204
    assert (await api.ask("GET", where, admin)).status == 404


# Planning.


async def test_explain_preflight_and_simulate(api: ApiRig, boss: str) -> None:
    await post(api, boss, f"{AT}/contacts", {"number": "2125550001", "contact": "C-1"})
    await post(api, boss, f"{V1}/black-list", {"number": "2125550001", "campaign": A})
    story = await get(api, boss, f"{V1}/explain?what=2125550001")
    [standing] = story["standings"]
    assert "black_list" in [reason["rule"] for reason in standing["reasons"]]
    assert story["entries"][0]["kind"] == "black_list"
    scoped = await api.user("scoped", Role.SUPERVISOR, campaigns=["B<-"])
    assert (await api.ask("GET", f"{V1}/explain?what=2125550001", scoped)).status == 404
    plan = await get(api, boss, f"{AT}/preflight?agents=3")
    assert (plan["total"], plan["agents"], plan["never"]) == (1, 3, {"black_list": 1})
    day = {"agents": 3, "hours": 0.1, "answer": 40, "policies": ["predictive"], "days": 1}
    played = await post(api, boss, f"{V1}/simulations", day, 200)
    assert played["scenario"]["agents"] == 3
    assert 0 <= played["policies"][0]["utilisation"] <= 1
    assert fields(await api.ask("POST", f"{V1}/simulations", boss, json={"campaign": A})) == ["campaign"]
    assert fields(await api.ask("POST", f"{V1}/simulations", boss, json={"agents": 10_000})) == ["agents"]


# What holds for all.


async def test_the_description_is_served_and_reads_without_the_internet(api: ApiRig) -> None:
    described = (await api.ask("GET", f"{V1}/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert "/campaigns/{campaign}/start" in described["paths"]
    posts = [methods["post"] for methods in described["paths"].values() if "post" in methods]
    headers = [p["name"] for route in posts for p in route.get("parameters", ()) if p["in"] == "header"]
    assert headers.count("Idempotency-Key") >= 20
    page = await api.ask("GET", f"{V1}/docs")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "POST /api/v1/campaigns/{campaign}/start" in page.text
    assert "src=" not in page.text
    assert "http" not in page.text.replace("http://127.0.0.1", "")
    assert "script" not in page.headers["Content-Security-Policy"]


async def test_faults_are_problems(api: ApiRig, boss: str) -> None:
    for method, path, status in (
        ("GET", f"{V1}/nothing", 404),
        ("PUT", AT, 405),
        ("GET", f"{V1}/contacts/x", 422),
        ("GET", f"{V1}/campaigns?limit=0", 422),
        ("GET", f"{V1}/campaigns?cursor=%00", 422),
        ("GET", f"{V1}/uploads?cursor=WyJhIl0", 422),
        ("GET", f"{V1}/uploads?cursor=Wy0xXQ", 422),
    ):
        said = await api.ask(method, path, boss)
        assert said.status == status, (path, said)
        assert said.headers["Content-Type"] == "application/problem+json"
        assert said.json()["status"] == status
