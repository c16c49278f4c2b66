"""The documented endpoints over HTTP and a real database: answers to the byte, effects, and who may."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from engine.domain.access import Role
from engine.domain.agent import SeatState
from engine.domain.integra.people import FIXED
from engine.domain.live import QueueNow, SeatNow
from tests.api_rig import ApiRig
from tests.conftest import empty

GUID = "f9b7ada3-a4e5-4795-834d-aa1c1a37ee57"
SPOOL = "SELECT campaign, destination, dialerbase, priority, agentphone FROM ccdata.calls_spool ORDER BY id"


@pytest.fixture
async def admin(api: ApiRig) -> str:
    """A fresh floor: two dialers with their queues; the token of somebody who may do everything."""
    await empty(
        api.office.database,
        "ccdata.dialers", "ccdata.queues", "ccdata.queue_members", "ccdata.dialer_base", "ccdata.calls_spool",
        "ccdata.calls_scheduler", "ccdata.black_list", "ccdata.orders", "ccdata.uploads",
        "ccdata.dispositions", "ccdata.attempts", "ccrepo.cdr_repo", "ccrepo.disposition_repo",
    )  # fmt: skip
    for campaign in ("POWER<-", "Ventas->"):
        api.sql(
            f"INSERT INTO ccdata.dialers (campaign) VALUES ('{campaign}');"
            f"INSERT INTO ccdata.queues (name, did) VALUES ('{campaign}', '1888');"
        )
    return await api.user("Admin")


RESPOOL: dict[str, Any] = {
    "campaign": "Ventas->", "destination": "098344484", "dialerbase": "", "status": 1, "data": "P=1",
    "alternatives": "098124484", "contact": 222, "retries": 0, "priority": 9999, "agentphone": None,
}  # fmt: skip
TASK: dict[str, Any] = {
    "calldate": None, "campaign": "POWER<-", "destination": "0123456789", "alternatives": "", "agent": "",
    "data": "idcustomer=7", "source": "source", "bulk": False, "automatic": True,
}  # fmt: skip


async def test_contacts_go_in_and_out(api: ApiRig, admin: str) -> None:
    assert await api.integra("Dialers/Respool", admin, callspool=json.dumps(RESPOOL)) == "1"
    assert await api.integra("Dialers/DialerTask", admin, call=json.dumps(TASK)) == "1"
    assert api.sql(SPOOL) == [
        ["Ventas->", "098344484", "", "9999", ""], ["POWER<-", "0123456789", "", "1", ""],
    ]  # fmt: skip
    gone = await api.integra("Dialers/RemoveContact", admin, campaign="POWER<-", number="0123456789")
    assert (gone, len(api.sql(SPOOL))) == ("1", 1)
    call = {"calldate": "2030-10-11 15:00:00", "campaign": "Ventas->", "destination": "098", "data": ""}
    assert await api.integra("Dialers/ScheduleDialerCall", admin, callschedule=json.dumps(call)) == "1"
    assert api.value("SELECT calldate FROM ccdata.calls_scheduler") == "2030-10-11 15:00:00"
    removed = await api.integra(
        "Dialers/RemoveScheduleDialerCall", admin,
        campaign="Ventas->", destination="098", to="2030-10-12 00:00:00", **{"from": "2030-10-11 00:00:00"},
    )  # fmt: skip
    assert (removed, api.value("SELECT COUNT(*) FROM ccdata.calls_scheduler")) == ("1", "0")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("Dialers/Respool", {}),
        ("Dialers/Respool", {"callspool": "{"}),
        ("Dialers/Respool", {"callspool": json.dumps({**RESPOOL, "campaign": "none"})}),
        ("Dialers/ScheduleDialerCall", {"callschedule": '{"campaign": "Ventas->", "destination": "09"}'}),
        ("Dialers/DialerTask", {"call": json.dumps({**TASK, "bulk": True})}),
        ("Dialers/RemoveContact", {"campaign": "POWER<-", "number": "x"}),
        ("Dialers/RemoveScheduleDialerCall", {"campaign": "POWER<-", "destination": "09"}),
        ("Dialers/uploadbase", {"filename": "a", "fileb64": "QTs=", "campaign": "none", "cant": "1"}),
        ("Dialers/uploadbase", {"filename": "a", "fileb64": "***", "campaign": "POWER<-", "cant": "1"}),
        ("Dialers/uploadbasewithtimezone", {"filename": "a", "fileb64": "QTs=", "campaign": "POWER<-"}),
        ("admin/addblack", {"black": '{"phone": "x", "campaign": "*"}'}),
        ("admin/CallWorkflow", {"context": "a b", "extension": "s", "jsonparams": "{}"}),
        ("Agents/AgentCall", {"agent": "Ana", "phone": "1001"}),
        ("Agents/HangupPhone", {}),
        ("Agents/HungupPhone", {"phone": "10 01"}),
        ("Agents/TagRecord", {"guid": "../.."}),
        ("Cdr/getrecords", {"filter": "x"}),
        ("Supervisor/convert", {"guid": GUID, "folder": "../.."}),
        ("queues/addqueuemember", {"queuemember": "[]"}),
        ("sip/addsip", {"phone": "{}"}),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_answers_0_with_status_200(
    api: ApiRig, admin: str, path: str, form: dict[str, str]
) -> None:
    assert await api.integra(path, admin, **form) == "0"
    assert await api.integra("api/DispositionCall", admin, campaign="POWER<-") == '"0"'


async def test_slashes_before_and_behind_a_documented_path(api: ApiRig, admin: str) -> None:
    for path in ("/Integra/resources/Dialers/get", "//Integra/resources/Dialers/get/"):
        where = URL(api.base + path, encoded=True)
        assert json.loads((await api.ask("POST", where, admin)).text)
        wrong = await api.ask("GET", where, admin)
        assert (wrong.status, wrong.text, wrong.headers["Allow"]) == (405, "0", "POST")
    said = await api.ask("GET", "/api/v1/session/", admin, allow_redirects=False)
    assert (said.status, said.json()["title"]) == (404, "Not Found")


async def test_the_absolute_form_of_a_request_that_passed_a_proxy(api: ApiRig, admin: str) -> None:
    at = URL(api.base)
    reader, writer = await asyncio.open_connection(at.host, at.port)
    head = f"GET http://dialer.example/api/v1/session HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {admin}"
    writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_no_spelling_of_a_field_leads_round_the_scope(api: ApiRig, admin: str) -> None:
    api.sql("INSERT INTO ccdata.dispositions (level1) VALUES ('any')")
    api.sql("INSERT INTO ccdata.calls_spool (campaign, destination) VALUES ('Ventas->', '0977')")
    program = await api.user("program", Role.INTEGRATION, campaigns=["POWER<-"])
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    base = "/Integra/resources/"
    for path, body in (
        ("Dialers/RemoveContact", "campaign=&campaign=Ventas-%3E&number=0977"),
        ("Dialers/RemoveContact", "campaign=+&campaign=Ventas-%3E&number=0977"),
        ("Dialers/RemoveContact", "campaign=%00Ventas-%3E&number=0977"),
        ("api/DispositionCall", f"campaign=&campaign=Ventas-%3E&agent=a&callerid=0977&guid={GUID}&l1=any"),
        ("Agents/AgentCall", "outqueue=&outqueue=Ventas-%3E&agent=a&phone=1&destination=0977"),
    ):
        said = await api.ask("POST", base + path, program, data=body, headers=kind)
        assert said.text in ("0", '"0"'), (path, body)
    assert api.value("SELECT status FROM ccdata.calls_spool WHERE destination='0977'") == "1"
    assert api.value("SELECT COUNT(*) FROM ccdata.orders WHERE destination='0977'") == "0"
    assert api.value("SELECT COUNT(*) FROM ccrepo.disposition_repo WHERE callerid='0977'") == "0"


async def test_a_flow_is_only_for_who_reaches_every_campaign(api: ApiRig, admin: str) -> None:
    program = await api.user("program", Role.INTEGRATION, campaigns=["POWER<-"])
    form = {"context": "flow", "extension": "start", "jsonparams": "{}"}
    before = api.value("SELECT COUNT(*) FROM ccdata.orders")
    assert await api.integra("admin/CallWorkflow", program, **form) == "0"
    assert api.value("SELECT COUNT(*) FROM ccdata.orders") == before


async def test_an_agent_calls_in_nobody_elses_name(api: ApiRig, admin: str) -> None:
    agent = await api.user("gil", Role.AGENT, campaigns=["Ventas->"], phone="1010")
    call = {"phone": "1010", "outqueue": "Ventas->", "destination": "0966", "context": "agents"}
    for spelling in ({"agent": "eve"}, {"callerid": "1888agent=eve"}):
        assert await api.integra("Agents/AgentCall", agent, **call, **spelling) == "0"
    assert len(await api.integra("Agents/AgentCall", agent, **call, callerid="1888agent=gil")) == 36


async def test_who_does_not_reach_everything_rings_the_phones_of_his_campaigns_only(
    api: ApiRig, admin: str
) -> None:
    api.sql("DELETE FROM ccdata.users WHERE user IN ('other', 'mine')")
    program = await api.user("ringer", Role.INTEGRATION, campaigns=["Ventas->"], phone="1031")
    await api.user("other", Role.AGENT, campaigns=["POWER<-"], phone="1032")
    await api.user("mine", Role.AGENT, campaigns=["ventas->"], phone="1033")
    seats = {"Ventas->": "1034", "POWER<-": "1035"}
    api.live.seen = [
        QueueNow(name, (SeatNow(f"PJSIP/{phone}", phone, False, SeatState.READY),), 0)
        for name, phone in seats.items()
    ]
    call = {"agent": "ana", "outqueue": "Ventas->", "destination": "0966", "context": "agents"}
    task = {**TASK, "automatic": False, "campaign": "Ventas->"}
    for phone, may in (("1031", 1), ("1032", 0), ("1033", 1), ("1034", 1), ("1035", 0), ("1099", 0)):
        said = await api.integra("Agents/AgentCall", program, **call, phone=phone)
        assert (len(said) == 36) is bool(may), phone
        asked = json.dumps({**task, "agent": phone})
        assert await api.integra("Dialers/DialerTask", program, call=asked) == str(may), phone
    assert api.value("SELECT COUNT(*) FROM ccdata.orders") == "6"
    for wrong in ({"agent": "other"}, {"context": "flow"}, {"context": "AGENTS"}):
        assert await api.integra("Agents/AgentCall", program, **{**call, "phone": "1031", **wrong}) == "0"
    own = {**call, "phone": "1031"}
    assert len(await api.integra("Agents/AgentCall", program, **{**own, "context": "agentes"})) == 36
    free = {**own, "phone": "1035", "context": "flow"}
    assert len(await api.integra("Agents/AgentCall", admin, **free)) == 36
    api.live.seen = []


async def test_a_call_counts_for_a_campaign_that_there_is(api: ApiRig, admin: str) -> None:
    call = {"agent": "Ana", "phone": "1001", "destination": "0966"}
    api.sql("INSERT INTO ccdata.queues (name, did) VALUES ('MANUAL->', '')")
    for campaign, may in (("NOPE->", False), ("", False), ("MANUAL->", True), ("power<-", True)):
        said = await api.integra("Agents/AgentCall", admin, **call, outqueue=campaign)
        assert (len(said) == 36) is may, campaign
    assert api.value("SELECT COUNT(*) FROM ccdata.orders") == "2"


async def test_an_agent_says_nothing_of_another_agents_call(api: ApiRig, admin: str) -> None:
    gil = await api.user("gil", Role.AGENT, campaigns=["Ventas->"], phone="1010")
    eve = await api.user("eve", Role.AGENT, campaigns=["Ventas->"], phone="1011")
    api.sql(
        "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, agent, owner, fence, state,"
        f" claimed_at) VALUES ('{GUID}', 'Ventas->', 1, '0977', 'eve', 'one', 1, 'ended', NOW())"
    )
    api.sql("INSERT INTO ccdata.dispositions (level1, action) VALUES ('l', '')")
    form = {"campaign": "Ventas->", "callerid": "0977", "guid": GUID, "l1": "l"}
    tag = {"phone": "", "guid": GUID, "data": "x"}
    assert await api.integra("api/DispositionCall", gil, agent="gil", **form) == '"0"'
    assert await api.integra("Agents/TagRecord", gil, **tag) == "0"
    assert api.value("SELECT COUNT(*) FROM ccrepo.disposition_repo") == "0"
    assert await api.integra("api/DispositionCall", eve, agent="eve", **form) == "1"
    assert await api.integra("Agents/TagRecord", eve, **tag) == ""


async def test_an_agent_says_nothing_of_a_call_that_nobody_knows(api: ApiRig, admin: str) -> None:
    gil = await api.user("gil", Role.AGENT, campaigns=["Ventas->"], phone="1010")
    api.sql("INSERT INTO ccdata.dispositions (level1, action) VALUES ('l', 'BLACKLIST')")
    form = {"campaign": "Ventas->", "callerid": "0977", "guid": GUID, "l1": "l", "agent": "gil"}
    assert await api.integra("api/DispositionCall", gil, **form) == '"0"'
    assert api.value("SELECT COUNT(*) FROM ccdata.black_list") == "0"
    call = {"phone": "1010", "agent": "gil", "outqueue": "Ventas->", "destination": "0977"}
    # His own call by click to call is known by its guid at once.
    guid = await api.integra("Agents/AgentCall", gil, **call)
    eve = await api.user("eve", Role.AGENT, campaigns=["Ventas->"], phone="1011")
    own = {**form, "guid": guid}
    assert await api.integra("api/DispositionCall", eve, **{**own, "agent": "eve"}) == '"0"'
    assert await api.integra("api/DispositionCall", gil, **own) == "1"


async def test_nobody_reaches_another_campaign(api: ApiRig, admin: str) -> None:
    scoped = await api.user("scoped", Role.ADMINISTRATOR, campaigns=["POWER<-"])
    assert await api.integra("Dialers/Respool", scoped, callspool=json.dumps(RESPOOL)) == "0"
    black = {"phone": "099", "campaign": "*"}
    assert await api.integra("admin/addblack", scoped, black=json.dumps(black)) == "0"
    member = [{"membername": "a", "queueName": "Ventas->", "interface1": "SIP/1", "penalty": 0, "paused": 0}]
    assert await api.integra("queues/addqueuemember", scoped, queuemember=json.dumps(member)) == "0"
    seen = json.loads(await api.integra("Dialers/get", scoped))
    assert [dialer["campaign"] for dialer in seen] == ["POWER<-"]
    assert [q["name"] for q in json.loads(await api.integra("queues/getqueues", scoped, lastrow=""))] == [
        "POWER<-"
    ]
    api.sql(f"INSERT INTO ccrepo.cdr_repo (calldate, guid, campaign) VALUES (NOW(), '{GUID}', 'Ventas->')")
    api.sql("INSERT INTO ccdata.dispositions (level1) VALUES ('l')")
    for path, form in (
        ("Agents/TagRecord", {"phone": "", "guid": GUID, "data": "x"}),
        (
            "api/DispositionCall",
            {"campaign": "POWER<-", "agent": "a", "callerid": "09", "guid": GUID, "l1": "l"},
        ),
        ("Supervisor/convert", {"guid": GUID, "folder": "20260101"}),
    ):
        assert (await api.integra(path, scoped, **form)).strip('"') == "0", path
    api.live.seen = [QueueNow("Ventas->", (SeatNow("PJSIP/1001", "A", False, SeatState.BUSY),), 0)]
    assert await api.integra("Agents/HangupPhone", scoped, phone="1001") == "0"
    assert api.value("SELECT COUNT(*) FROM ccdata.orders") == "0"


DIALER = {
    "campaign": "POWER<-", "schedule": "mon,tue,wed,thu,fri,sat;08:00-21:00", "dialertype": "PowerDialer",
    "status": 0, "dialstring": "", "context": "PowerDialer", "exten": "${EXTEN}", "am": 0, "sound": "",
    "maxchannels": 10, "variables": "", "timeout": 30, "callerid": "", "retries": 0, "callerpres": 0,
    "tbc": 0, "dncr": 1, "schedulephones": "", "autoanswer": 1, "tbc_nocontact": 30, "earlymedia": 0,
    "recyclecount": 0, "recycle": "[]", "country": "", "rule": "NONE", "autoconvertcallerid": 0,
}  # fmt: skip


async def test_dialers_and_campaigns_have_the_documented_keys_and_types(api: ApiRig, admin: str) -> None:
    said = await api.ask("POST", "/Integra/resources/Dialers/get", admin)
    first = said.json()[0]
    assert first == DIALER
    assert [list(first), [type(v) for v in first.values()]] == [
        list(DIALER),
        [type(v) for v in DIALER.values()],
    ]
    api.sql("INSERT INTO ccdata.dialers (campaign, dialertype) VALUES ('Voices', 'VoiceBroadCast')")
    queues = json.loads(await api.integra("queues/getqueues", admin, lastrow=""))
    assert [queue["name"] for queue in queues] == ["POWER<-", "Ventas->", "Voices"]
    assert all(len(queue) == 47 for queue in queues)
    assert queues[0]["eventwhencalled"] is True
    assert queues[0]["periodicAnnounceFrequency"] == "0"
    assert [(k, type(v)) for k, v in queues[0].items()] == [(k, type(v)) for k, v in queues[2].items()]


async def test_black_list_tag_and_disposition(api: ApiRig, admin: str) -> None:
    black = {
        "phone": "+59 899", "campaign": "*", "username": None, "company": "A", "job_title": "", "name": "M",
    }  # fmt: skip
    assert await api.integra("admin/addblack", admin, black=json.dumps(black)) == "1"
    assert api.sql("SELECT phone, campaign, username FROM ccdata.black_list") == [["+59899", "*", "Admin"]]
    assert any("addblack" in action for action in api.audited())
    api.sql(f"INSERT INTO ccrepo.cdr_repo (calldate, guid, dst) VALUES (NOW(), '{GUID}', '099')")
    assert await api.integra("Agents/TagRecord", admin, phone="099", guid=GUID, data="a tag") == ""
    assert api.value("SELECT userfield FROM ccrepo.cdr_repo") == "a tag"
    api.sql("INSERT INTO ccdata.dispositions (level1) VALUES ('Tipificacion1')")
    base = f"campaign=Ventas-%3E&agent=Vcisneros&callerid=1234567890&guid={GUID}&l1=Tipificacion1&l2=&l3="
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    newer = base + "&d2=first&d2=&comment=&schedule=&camptoreschedule=&tag="
    said = await api.ask("POST", "/Integra/resources/api/DispositionCall", admin, data=newer, headers=kind)
    assert (said.status, said.text) == (200, '"OK"')
    older = base + "&d1=x&d2=y&comment=c&schedule="
    said = await api.ask("POST", "/Integra/resources/api/DispositionCall", admin, data=older, headers=kind)
    assert said.text == "1"
    rows = api.sql("SELECT data1, data2, comment FROM ccrepo.disposition_repo ORDER BY id")
    assert rows == [["", "first", ""], ["x", "y", "c"]]
    assert "Tipificacion1" in api.value("SELECT finishtime FROM ccrepo.cdr_repo")


async def test_a_disposition_is_told_to_whoever_has_subscribed(api: ApiRig, admin: str) -> None:
    api.sql(
        "INSERT INTO ccdata.webhooks (campaign, url, events, secret, created_at)"
        " VALUES ('Ventas->', 'http://127.0.0.1:9/', 'call.disposition', 'x', UTC_TIMESTAMP(3))"
    )
    api.sql("INSERT INTO ccdata.dispositions (level1) VALUES ('Tipificacion1')")
    api.sql(
        "INSERT INTO ccdata.attempts (id, campaign, dialerbase, spool_id, contact, destination, owner, fence,"
        f" state, claimed_at) VALUES ('{GUID}', 'Ventas->', 'MARCH', 7, 'c7', '1234567890', 'e', 1, 'ended',"
        " UTC_TIMESTAMP(3))"
    )
    form = {
        "campaign": "Ventas->", "agent": "Vcisneros", "callerid": "1234567890", "guid": GUID,
        "l1": "Tipificacion1", "comment": "twice",
    }  # fmt: skip
    assert await api.integra("api/DispositionCall", admin, **form) == "1"
    assert await api.integra("api/DispositionCall", admin, **{**form, "l1": "unknown"}) == '"0"'
    [[body]] = api.sql("SELECT body FROM ccdata.webhook_events")
    assert json.loads(body)["data"] == {
        "campaign": "Ventas->", "call": GUID, "number": "1234567890", "contact": "c7", "list": "MARCH",
        "agent": "Vcisneros", "levels": ["Tipificacion1"], "comment": "twice", "action": "",
    }  # fmt: skip
    assert api.value("SELECT COUNT(*) FROM ccdata.webhook_deliveries") == "1"


async def test_click_to_call_gives_the_guid_at_once_and_leaves_an_order(api: ApiRig, admin: str) -> None:
    call = {
        "callerid": "1888", "agent": "Ana", "phone": "1001", "tech": "SIP", "context": "agentes",
        "outqueue": "Ventas->", "destination": "099",
    }  # fmt: skip
    guid = await api.integra("Agents/AgentCall", admin, **call)
    assert len(guid) == 36
    assert api.sql("SELECT kind, guid, phone, destination, status FROM ccdata.orders") == [
        ["call", guid, "1001", "099", "new"]
    ]
    api.sql("INSERT INTO ccdata.black_list (phone) VALUES ('099')")
    assert await api.integra("Agents/AgentCall", admin, **call) == "0"
    assert api.sql("SELECT src, dst FROM ccrepo.black_list_history WHERE dst = '099'") == [["Ana", "099"]]
    assert api.value("SELECT COUNT(*) FROM ccrepo.auditory WHERE action LIKE 'not called: 099 in %'") == "1"
    agent = await api.user("ana", Role.AGENT, campaigns=["Ventas->"], phone="1009")
    own = {**call, "agent": "ana", "phone": "1009", "destination": "098"}
    assert len(await api.integra("Agents/AgentCall", agent, **own)) == 36
    assert await api.integra("Agents/AgentCall", agent, **{**own, "phone": "1001"}) == "0"
    api.live.linked = False
    assert await api.integra("Agents/AgentCall", admin, **{**call, "destination": "098"}) == "0"


async def test_a_task_at_this_moment_goes_through_a_phone_or_first_of_all(api: ApiRig, admin: str) -> None:
    now = {**TASK, "automatic": False}
    assert await api.integra("Dialers/DialerTask", admin, call=json.dumps(now)) == "1"
    assert api.sql("SELECT priority, shuffle FROM ccdata.calls_spool") == [["1", "0"]]
    await api.user("Berta", Role.AGENT, phone="1002")
    for agent in ("Berta", "1002"):
        task = json.dumps({**now, "agent": agent})
        assert await api.integra("Dialers/DialerTask", admin, call=task) == "1"
    rows = api.sql("SELECT agent, phone, destination, campaign FROM ccdata.orders")
    assert rows == [["Berta", "1002", "0123456789", "POWER<-"]] * 2


async def test_an_agent_is_made_can_log_in_and_asterisk_knows_his_password(api: ApiRig, admin: str) -> None:
    sample = {
        **FIXED, "fullname": "Ana Lopez", "accountcode": "analopez", "callerid": "2001",
        "defaultuser": "2001", "name": "2001", "secret": "Correct-Horse-7",
    }  # fmt: skip
    assert await api.integra("sip/addsip", admin, phone=json.dumps(sample)) == "1"
    assert await api.integra("sip/addsip", admin, phone=json.dumps(sample)) == "0"
    capital = {
        **sample,
        **dict.fromkeys(("name", "callerid", "defaultuser"), "2996"),
        "accountcode": "capital",
    }
    assert await api.integra("sip/addsip", admin, Phone=json.dumps(capital)) == "1"
    weak = {
        **sample,
        "secret": "x",
        "name": "2002",
        "callerid": "2002",
        "defaultuser": "2002",
        "accountcode": "b",
    }
    assert await api.integra("sip/addsip", admin, phone=json.dumps(weak)) == "0"
    digest = hashlib.md5(b"2001:asterisk:Correct-Horse-7", usedforsecurity=False).hexdigest()
    assert api.sql(
        "SELECT id, auth_type, md5_cred, username, realm FROM ccdata.ps_auths WHERE id='2001'"
    ) == [["2001", "md5", digest, "2001", "asterisk"]]
    assert api.sql("SELECT aors, auth, allow, context, webrtc FROM ccdata.ps_endpoints WHERE id='2001'") == [
        ["2001", "2001", "alaw,ulaw", "agentes", "yes"]
    ]
    member = [
        {"membername": "analopez", "queueName": queue, "interface1": "SIP/2001", "penalty": 1, "paused": 0}
        for queue in ("POWER<-", "Ventas->")
    ]
    assert await api.integra("queues/addqueuemember", admin, queuemember=json.dumps(member)) == "1"
    rows = api.sql("SELECT queue_name, interface, membername, penalty FROM ccdata.queue_members ORDER BY 1")
    assert rows == [
        ["POWER<-", "SIP/2001", "analopez", "1"], ["Ventas->", "SIP/2001", "analopez", "1"],
    ]  # fmt: skip
    member[1]["queueName"] = "none"
    assert await api.integra("queues/addqueuemember", admin, queuemember=json.dumps(member)) == "0"
    assert api.value("SELECT COUNT(*) FROM ccdata.orders WHERE kind = 'join'") == "2"
    login = json.loads(await api.integra("auth/AgentLogin", agent="analopez", password="Correct-Horse-7"))
    assert (login["name"], login["md5secret"], login["secret"]) == ("2001", digest, "")
    assert "Correct-Horse-7" not in "".join(api.audited())


async def test_live_answers_come_without_a_query(
    api: ApiRig, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seats = (SeatNow("PJSIP/1", "A", False, SeatState.READY), SeatNow("PJSIP/2", "B", True, SeatState.PAUSED))
    api.live.seen = [QueueNow("POWER<-", seats, 2, longest=9, strategy="linear"), QueueNow("Other<-", (), 0)]
    scoped = await api.user("watcher", Role.SUPERVISOR, campaigns=["POWER<-"])
    await api.integra("Supervisor/queuesummary", scoped)  # the guard knows the token for a second

    async def no_query(*_: object) -> None:
        raise AssertionError("a query")

    monkeypatch.setattr(api.office.database, "transaction", no_query)
    monkeypatch.setattr("engine.api.guard.KEPT", 60.0)
    rows = json.loads(await api.integra("Supervisor/queuesummary", scoped))
    assert [row.get("queue") for row in rows] == ["POWER<-", None]
    assert (rows[0]["loggedIn"], rows[0]["available"], rows[0]["callers"]) == (2, 1, 2)
    assert len({row["internalActionId"] for row in rows}) == 1
    shown = json.loads(await api.integra("Supervisor/campaignstatus", scoped, queue=""))
    assert (list(shown), shown["POWER<-"]["availables"], shown["POWER<-"]["acd"]) == (["POWER<-"], 1, 2)
    assert json.loads(await api.integra("Supervisor/campaignstatus", scoped, queue="Other<-")) == {}


def _csv(*numbers: str, campaign: str = "POWER<-") -> str:
    text = "".join(f"{campaign};{number};Id=1:folioCRM=;;9999;\r\n" for number in numbers)
    return base64.b64encode(text.encode()).decode()


async def _loaded(api: ApiRig, uploads: int = 1) -> list[list[str]]:
    async with asyncio.timeout(30):
        while True:
            rows = api.sql("SELECT status, list, accepted, refused FROM ccdata.uploads ORDER BY id")
            if len(rows) == uploads and all(row[0] in ("done", "refused") for row in rows):
                return rows
            await asyncio.sleep(0.05)


async def test_a_file_is_accepted_and_loaded_once(api: ApiRig, admin: str) -> None:
    form = {
        "filename": "base_prueba_2.csv", "fileb64": _csv("0123456789", "9876543210"),
        "campaign": "POWER<-", "cant": "0", "username": "Vcisneros",
    }  # fmt: skip
    assert await api.integra("Dialers/uploadbase", admin, **form) == "1"
    assert await api.integra("Dialers/uploadbase", admin, **form) == "1"  # the answer was lost, say
    assert await _loaded(api) == [["done", "base_prueba_2", "2", "0"]]
    assert await api.integra("Dialers/uploadbase", admin, **form) == "1"
    zoned = {**form, "filename": "b.csv", "fileb64": _csv("099"), "timezone": "America/Bogota"}
    assert await api.integra("Dialers/uploadbasewithtimezone", admin, **zoned) == "1"
    assert await _loaded(api, 2) == [["done", "base_prueba_2", "2", "0"], ["done", "b", "1", "0"]]
    assert api.sql("SELECT name, records, active, timezone FROM ccdata.dialer_base ORDER BY id") == [
        ["base_prueba_2", "2", "1", ""], ["b", "1", "1", "America/Bogota"],
    ]  # fmt: skip
    assert len(api.sql(SPOOL)) == 3


async def test_a_file_with_another_time_zone_is_no_repetition(api: ApiRig, admin: str) -> None:
    form = {"filename": "c", "fileb64": _csv("0991"), "campaign": "POWER<-", "cant": "1"}
    for number, zone in enumerate(("America/Bogota", "America/Lima"), 1):
        sent = await api.integra("Dialers/uploadbasewithtimezone", admin, **form, timezone=zone)
        assert sent == "1"
        assert len(await _loaded(api, number)) == number
    assert api.value("SELECT timezone FROM ccdata.dialer_base") == "America/Lima"


async def test_a_file_brings_nothing_into_campaigns_that_its_sender_does_not_reach(
    api: ApiRig, admin: str
) -> None:
    scoped = await api.user("loader", Role.INTEGRATION, campaigns=["POWER<-"])
    form = {"filename": "c", "fileb64": _csv("0991", campaign="Ventas->"), "campaign": "POWER<-", "cant": "1"}
    assert await api.integra("Dialers/uploadbase", scoped, **form) == "1"
    assert await _loaded(api) == [["done", "c", "0", "1"]]
    assert api.sql(SPOOL) == []


async def test_the_documented_requests_as_json_and_without_a_type(api: ApiRig, admin: str) -> None:
    """Old clients send no Content-Type, newer ones JSON: the fields are the same."""
    said = await api.ask(
        "POST", "/Integra/resources/Dialers/RemoveContact", admin, data=b"campaign=POWER%3C-&number=09",
        headers={"Content-Type": ""},
    )  # fmt: skip
    assert said.text == "1"
    said = await api.ask("POST", "/Integra/resources/Dialers/Respool", admin, json={"callspool": RESPOOL})
    assert said.text == "1"


async def test_recordings_are_served_to_who_may_listen(api: ApiRig, admin: str, tmp_path: Path) -> None:
    from tests.api_rig import api_rig

    day = tmp_path / "2016-01-18"
    day.mkdir()
    (day / f"{GUID}.gsm").write_bytes(bytes(range(100)))
    (tmp_path / f"{GUID}.mp3").write_bytes(b"ID3 old")
    api.sql(f"INSERT INTO ccrepo.cdr_repo (calldate, guid, campaign) VALUES (NOW(), '{GUID}', 'Ventas->')")
    scoped = await api.user("listener", Role.SUPERVISOR, campaigns=["POWER<-"])
    agent = await api.user("deaf", Role.AGENT)
    async with api_rig(api.mariadb, api.names, tmp_path / "state", recordings=tmp_path) as own:
        place = f"/records/20160118/{GUID}.gsm"
        headers = {"Range": "bytes=10-19"}
        said = await own.ask("GET", place, admin, headers=headers)
        assert (said.status, said.text.encode()) == (206, bytes(range(10, 20)))
        assert said.headers["Content-Range"] == "bytes 10-19/100"
        for word in ("items=0-1", "bytes=abc", "bytes=", "bytes", "bytes=9-5", "bytes=0-1,x", "bytes=-"):
            said = await own.ask("GET", place, admin, headers={"Range": word})
            assert (said.status, len(said.text)) == (200, 100), word
        for word, size in (("bytes=-5", 5), ("bytes=90-", 10), ("Bytes=0-1 , ", 2)):
            said = await own.ask("GET", place, admin, headers={"Range": word})
            assert (said.status, len(said.text)) == (206, size), word
        assert (await own.ask("GET", place, admin, headers={"Range": "bytes=200-"})).status == 416
        assert (await own.ask("GET", f"/records/{GUID}.mp3", admin)).text == "ID3 old"
        assert (await own.ask("GET", f"/records/20160118/{GUID}.mp3", admin)).status == 200
        for how in (f"?token={admin}", f"?token={admin.replace('=', '%3D')}"):
            async with own.client.get(own.base + place + how) as answer:
                assert answer.status == 200
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(cookie_jar=jar) as client:
            cookie = {"Cookie": f'token="{admin}"'}
            async with client.get(own.base + place, headers=cookie) as answer:
                assert answer.status == 200
        assert (await own.ask("GET", place)).status == 401
        assert (await own.ask("GET", place, agent)).status == 403
        assert (await own.ask("GET", place, scoped)).status == 403
        for path in (
            f"/records/20160119/{GUID}.wav", "/records/..%2f..%2fetc/passwd", "/records/%2e%2e/x.mp3",
            "/records/x.toml", "/records/20160118/..%2f..%2fx.mp3", "/records/",
        ):  # fmt: skip
            assert (await own.ask("GET", path, admin)).status == 404, path
