"""The documented clients against the real daemon, MariaDB and Asterisk: each effect where it belongs."""

from __future__ import annotations

import base64
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.domain.integra.people import FIXED
from engine.lab.asterisk import Asterisk
from engine.lab.mariadb import MariaDB
from engine.lab.parts import free_port
from engine.lab.sipp import Sipp
from tests.acceptance.register import register
from tests.acceptance.samples import CLIENTS, Client, Site, ajax, curl, fetch, python, spread
from tests.conftest import databases
from tests.stage import CAMPAIGN, OTHER, Stage, set_stage

PREFIX = "Integra/resources/"
by_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)


@dataclass
class Floor:
    """One engine with its HTTP API for all tests of this module, and an administrator's token."""

    stage: Stage
    site: Site

    def ask(self, path: str, *fields: tuple[str, str], client: Client = curl) -> str:
        return client(self.site, PREFIX + path, fields)

    def json(self, path: str, *fields: tuple[str, str]) -> Any:
        return json.loads(self.ask(path, *fields))


@pytest.fixture(scope="module")
def floor(
    mariadb: MariaDB, asterisk: Asterisk, carrier: Sipp, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Floor]:
    home, port = tmp_path_factory.mktemp("integra"), free_port()
    extra = (
        f'[http]\nport = {port}\nrecordings = "{asterisk.home}/spool/monitor"\n'
        "login_rate = 1000\ntoken_rate = 10000\naddress_rate = 10000\n"
    )
    for names in databases(mariadb, __name__):
        with set_stage(mariadb, asterisk, carrier, names, home, extra) as stage:
            stage.dialer(CAMPAIGN, dncr=1)
            stage.dialer(OTHER, status=0)
            stage.sql(
                f"INSERT INTO ccdata.dialer_options (campaign, recording) VALUES ('{CAMPAIGN}', 'all');"
                "INSERT INTO ccdata.queues (name, wrapuptime) VALUES ('STAYS->', 0), ('MANUAL->', 0)"
            )
            stage.start()
            word = re.search(r"user 'admin' was made with the password (\S+)", stage.log())
            assert word is not None
            login = (("user", "admin"), ("password", word[1]))
            token = json.loads(curl(Site(port), PREFIX + "auth/getUserToken", login))
            yield Floor(stage, Site(port, token))


# Contacts.


@by_client
def test_a_task_is_called_at_once(floor: Floor, client: Client) -> None:
    number = f"5551{CLIENTS.index(client):03d}100"
    call = {
        "calldate": None, "campaign": CAMPAIGN, "destination": f"{number[:3]}-{number[3:]}",
        "alternatives": "", "agent": "", "data": "idcustomer=7", "source": "source", "bulk": False,
        "automatic": True,
    }  # fmt: skip
    assert floor.ask("Dialers/DialerTask", ("call", spread(call)), client=client) == "1"
    floor.stage.wait(lambda: number in floor.stage.invites(), "the carrier is asked for the number")


#: The file of the newer sample: five lines, CR LF, data with spaces and an empty value, a trailing ';'.
BASE_PRUEBA = "".join(
    f"{OTHER};{number};Id=220141:Folio=1:Nombre=Victor Cisneros:folioCRM=;;9999;\r\n"
    for number in ("0123456789", "9876543210", "0147852369", "3698520147", "7532146980")
)


@by_client
def test_a_file_is_loaded(floor: Floor, client: Client) -> None:
    name = f"base_prueba_{client.__name__}"
    # Each client's file is its own: the same content for the same list would be the same file once more.
    text = BASE_PRUEBA.replace(";0", f";{CLIENTS.index(client)}0").replace(";9", f";{CLIENTS.index(client)}9")
    text = re.sub(r";([37]\d{9});", rf";{CLIENTS.index(client)}\1;", text).replace(";;" + text[-5], ";;9")
    text = re.sub(r";;\d*999;", ";;9999;", text)
    fields = (
        ("filename", f"{name}.csv"), ("fileb64", base64.b64encode(text.encode()).decode()),
        ("campaign", OTHER), ("cant", "5"), ("username", "Vcisneros"),
    )  # fmt: skip
    assert floor.ask("Dialers/uploadbase", *fields, client=client) == "1"
    upload = f"SELECT CONCAT(status, ' ', accepted, ' ', refused) FROM ccdata.uploads WHERE list = '{name}'"
    floor.stage.wait_for_value(upload, "done 5 0")
    rows = floor.stage.sql(f"SELECT data, priority FROM ccdata.calls_spool WHERE dialerbase = '{name}'")
    assert rows == [["Id=220141:Folio=1:Nombre=Victor Cisneros:folioCRM=", "9999"]] * 5


def test_the_older_samples(floor: Floor) -> None:
    """Respool, ScheduleDialerCall, both removals, the file with a zone: $.post, as the older page has it."""
    stage = floor.stage
    stage.sql(f"INSERT INTO ccdata.dialer_base (campaign, name) VALUES ('{OTHER}', 'basetest')")
    respool = {
        "campaign": OTHER, "destination": "098344484", "dialerbase": "basetest", "status": 1,
        "data": "Par1=Val1:Par2=Val2", "alternatives": "098124484", "contact": 222, "retries": 0,
        "priority": 9999, "agentphone": "1001",
    }  # fmt: skip
    assert floor.ask("Dialers/Respool", ("callspool", spread(respool)), client=ajax) == "1"
    row = "SELECT dialerbase, contact, agentphone FROM ccdata.calls_spool WHERE destination = '098344484'"
    assert stage.sql(row) == [["basetest", "222", "1001"]]
    gone = floor.ask("Dialers/RemoveContact", ("campaign", OTHER), ("number", "098344484"), client=ajax)
    assert (gone, stage.sql(row)) == ("1", [])
    schedule = {
        "calldate": "2035-10-11 15:00:00", "campaign": OTHER, "destination": "098344484",
        "alternatives": "099124484:099121212", "agentphone": "1001", "data": "Par1=Val1:Par2=Val2",
    }  # fmt: skip
    assert floor.ask("Dialers/ScheduleDialerCall", ("callschedule", spread(schedule)), client=ajax) == "1"
    assert stage.value("SELECT COUNT(*) FROM ccdata.calls_scheduler") == "1"
    removed = floor.ask(
        "Dialers/RemoveScheduleDialerCall", ("campaign", OTHER), ("destination", "098344484"),
        ("from", "2035-10-11 00:00:00"), ("to", "2035-10-11 23:59:59"), client=ajax,
    )  # fmt: skip
    assert (removed, stage.value("SELECT COUNT(*) FROM ccdata.calls_scheduler")) == ("1", "0")
    zoned = (
        ("filename", "zoned"), ("fileb64", base64.b64encode(f"{OTHER};098100100;;;9999;".encode()).decode()),
        ("campaign", OTHER), ("cant", "1"), ("username", "ApiUser"), ("timezone", "America/Bogota"),
    )  # fmt: skip
    assert floor.ask("Dialers/uploadbasewithtimezone", *zoned, client=ajax) == "1"
    stage.wait_for_value("SELECT timezone FROM ccdata.dialer_base WHERE name = 'zoned'", "America/Bogota")


def test_a_scheduled_call_that_is_due_goes_out(floor: Floor) -> None:
    call = {"calldate": "2020-01-01 00:00:00", "campaign": CAMPAIGN, "destination": "5552000100", "data": ""}
    assert floor.ask("Dialers/ScheduleDialerCall", ("callschedule", spread(call))) == "1"
    floor.stage.wait(lambda: "5552000100" in floor.stage.invites(), "the scheduled call")


def test_a_black_listed_number_is_not_called(floor: Floor) -> None:
    black = {
        "phone": "5552001100", "campaign": "*", "username": "user", "company": "Customer data",
        "job_title": "Customer data", "name": "Name",
    }  # fmt: skip
    assert floor.ask("admin/addblack", ("black", spread(black)), client=fetch) == "1"
    call = {
        "calldate": None, "campaign": CAMPAIGN, "destination": "5552001100", "alternatives": "", "agent": "",
        "data": "", "source": "source", "bulk": False, "automatic": True,
    }  # fmt: skip
    assert floor.ask("Dialers/DialerTask", ("call", spread(call))) == "1"
    spool = "SELECT status FROM ccdata.calls_spool WHERE destination = '5552001100'"
    floor.stage.wait_for_value(spool, 3)
    assert "5552001100" not in floor.stage.invites()


# Calls.


def _click(floor: Floor, client: Client, number: str) -> str:
    return floor.ask(
        "Agents/AgentCall", ("callerid", "18885550100"), ("agent", "ana"), ("phone", "agent318"),
        ("tech", "SIP"), ("context", "agentes"), ("outqueue", "MANUAL->"), ("destination", number),
        client=client,
    )  # fmt: skip


@by_client
def test_click_to_call_hang_up_disposition_and_tag(floor: Floor, client: Client) -> None:
    stage, number = floor.stage, f"5553{CLIENTS.index(client):03d}200"
    guid = _click(floor, client, number)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", guid), guid
    state = f"SELECT state FROM ccdata.attempts WHERE id = '{guid}'"
    stage.wait_for_value(state, "connected")
    assert number in stage.invites()
    # While they talk: what is said of the call now is in its record later.
    stage.sql("INSERT IGNORE INTO ccdata.dispositions (level1) VALUES ('Tipificacion1')")
    fields = [
        ("campaign", "MANUAL->"), ("agent", "ana"), ("callerid", number), ("guid", guid),
        ("l1", "Tipificacion1"), ("l2", ""), ("l3", ""), ("d2", ""), ("d2", ""), ("comment", ""),
        ("schedule", ""), ("camptoreschedule", ""), ("tag", "sold"),
    ]  # fmt: skip
    assert floor.ask("api/DispositionCall", *fields, client=client) == '"OK"'
    spelling = "Agents/HungupPhone" if CLIENTS.index(client) % 2 else "Agents/HangupPhone"
    assert floor.ask(spelling, ("phone", "agent318"), client=client) == "1"
    stage.wait_for_value(state, "ended")
    stage.wait(lambda: stage.asterisk.channels() == 0, "the phone is on nothing")
    assert floor.ask(spelling, ("phone", "agent318"), client=client) == "0"
    record = (
        f"SELECT userfield, finishtime LIKE '%Tipificacion1', dst FROM ccrepo.cdr_repo WHERE guid = '{guid}'"
    )
    stage.wait(lambda: stage.sql(record) == [["sold", "1", number]], "tag and finish time in the record")
    tag = (("phone", number), ("guid", guid), ("data", "sold twice"))
    assert floor.ask("Agents/TagRecord", *tag, client=client) == ""
    assert stage.sql(record)[0][0] == "sold twice"


def test_a_disposition_brings_the_contact_back_when_its_call_is_over(floor: Floor) -> None:
    stage, number = floor.stage, "5552100200"
    stage.sql("INSERT INTO ccdata.dispositions (level1, action) VALUES ('Again', 'RESPOOLALTERNATIVE')")
    stage.contacts({"destination": number, "alternatives": "5552101100"})
    guid = f"SELECT id FROM ccdata.attempts WHERE destination = '{number}' AND state = 'connected'"
    stage.wait(lambda: stage.value(guid) != "", "the contact talks with an agent")
    call = stage.value(guid)
    fields = (
        ("campaign", CAMPAIGN), ("agent", "Agent 101"), ("callerid", number), ("guid", call), ("l1", "Again"),
        ("l2", ""), ("l3", ""), ("d1", ""), ("d2", ""), ("comment", ""), ("schedule", ""),
    )  # fmt: skip
    assert floor.ask("api/DispositionCall", *fields, client=python) == "1"
    assert "5552101100" not in stage.invites()
    agent = stage.value(f"SELECT REPLACE(agent, 'Agent ', 'agent') FROM ccdata.attempts WHERE id = '{call}'")
    assert floor.ask("Agents/HangupPhone", ("phone", agent)) == "1"
    stage.wait(lambda: "5552101100" in stage.invites(), "the alternative number is called")


def test_a_flow_is_started_with_data(floor: Floor) -> None:
    fields = (("context", "flow"), ("extension", "start"), ("jsonparams", '{"n": 7, "who": "Ana, \\"x\\""}'))
    assert floor.ask("admin/CallWorkflow", *fields, client=ajax) == "OK"
    floor.stage.wait(lambda: "55997100" in floor.stage.invites(), "the flow calls the number it was given")


# Recordings.


def test_a_recorded_call_is_found_converted_and_heard(floor: Floor, tmp_path: Path) -> None:
    stage = floor.stage
    stage.contacts({"destination": "5552200100"}, base="L2")
    stage.wait_for_value("SELECT type FROM ccrepo.cdr_repo WHERE dst = '5552200100'", "record")
    wanted = {
        "calldatei": "2015-12-03 00:00:00", "calldatef": "2099-02-24 23:59:59", "agent": "", "campaign": "",
        "source": "", "destination": "5552200100", "data": "", "range": "", "rating": "", "mindur": "",
        "exclude": "", "type": "record", "cont": "",
    }  # fmt: skip
    [record] = floor.json(
        "Cdr/getrecords", ("lastrow", "0"), ("searchLimit", "50"), ("filter", spread(wanted)), ("Random", "1")
    )
    guid, folder = record["guid"], record["calldate"][:10].replace("-", "")
    assert (record["campaign"], record["dst"]) == (CAMPAIGN, "5552200100")
    place = f"http://127.0.0.1:{floor.site.port}/records/{folder}/{guid}.mp3"
    file = tmp_path / "talk.mp3"
    command = [
        "curl",
        "-s",
        "-o",
        str(file),
        "-w",
        "%{http_code}",
        "-H",
        f"Authorization: Basic {floor.site.token}",
    ]
    missing = subprocess.run([*command, place], capture_output=True, text=True, check=True)
    assert missing.stdout == "404"
    stage.wait(lambda: floor.ask("Supervisor/convert", ("guid", guid), ("folder", folder)) == "1", "the MP3")
    part = subprocess.run([*command, "-r", "0-99", place], capture_output=True, text=True, check=True)
    assert (part.stdout, file.stat().st_size) == ("206", 100)


# Agents and live answers.


def test_an_agent_is_made_and_sits_in_campaigns(floor: Floor) -> None:
    phone = {
        **FIXED, "fullname": "Berta B", "accountcode": "berta", "callerid": "2001", "defaultuser": "2001",
        "name": "2001", "secret": "Correct-Horse-7",
    }  # fmt: skip
    assert floor.ask("sip/addsip", ("phone", spread(phone)), client=python) == "1"
    member = [
        {"membername": "berta", "queueName": queue, "interface1": "SIP/2001", "penalty": 0, "paused": 0}
        for queue in ("STAYS->", OTHER)
    ]
    # A campaign for manual calls is no queue of Asterisk: nobody sits or waits there.
    assert floor.json("Supervisor/campaignstatus", ("queue", "MANUAL->")) == {}
    assert floor.ask("queues/addqueuemember", ("queuemember", json.dumps(member)), client=python) == "1"
    floor.stage.wait(
        lambda: "2001" in floor.stage.asterisk.command(f"queue show {OTHER}"), "Asterisk has the member"
    )
    floor.stage.wait(
        lambda: floor.json("Supervisor/campaignstatus", ("queue", OTHER))[OTHER]["totalagents"] == 4,
        "the live picture has the member",
    )
    for queue in ("STAYS->", OTHER):
        floor.stage.asterisk.command(f"queue remove member PJSIP/2001 from {queue}")


def test_asterisk_takes_the_password_of_an_agent_who_was_made(floor: Floor) -> None:
    """What the views for Asterisk's realtime say of the phone, in a configuration file."""
    asterisk = floor.stage.asterisk
    phone = {
        **FIXED, "fullname": "Carla C", "accountcode": "carla", "callerid": "2005", "defaultuser": "2005",
        "name": "2005", "secret": "Correct-Horse-8", "context": "agents",
    }  # fmt: skip
    assert floor.ask("sip/addsip", ("phone", spread(phone))) == "1"
    [[kind, digest, user, realm]] = floor.stage.sql(
        "SELECT auth_type, md5_cred, username, realm FROM ccdata.ps_auths WHERE id = '2005'"
    )
    [[context, allow]] = floor.stage.sql("SELECT context, allow FROM ccdata.ps_endpoints WHERE id = '2005'")
    with (asterisk.home / "etc/local/pjsip-parts.conf").open("a") as parts:
        parts.write(
            f"[2005]\ntype = endpoint\ncontext = {context}\naors = 2005\nauth = 2005\ndisallow = all\n"
            f"allow = {allow}\ntransport = lab\n[2005]\ntype = aor\nmax_contacts = 1\n"
            f"[2005]\ntype = auth\nauth_type = {kind}\nmd5_cred = {digest}\nusername = {user}\n"
            f"realm = {realm}\n"
        )
    asterisk.command("module reload res_pjsip.so")
    floor.stage.wait(lambda: "2005/2005" in asterisk.command("pjsip show auths"), "the phone is configured")
    assert register(asterisk.sip_port, "2005", "wrong") == 401
    assert register(asterisk.sip_port, "2005", "Correct-Horse-8") == 200


def _call_in(asterisk: Asterisk, queue: str) -> None:
    """Somebody whom the engine did not call joins a queue."""
    lines = ("Channel: Local/s@overdial-workflow/n", "Application: Queue", f"Data: {queue}", "Async: true")
    _ami(asterisk, "\r\n".join(("Originate", *lines)))


def _ami(asterisk: Asterisk, action: str) -> list[dict[str, str]]:
    """Ask Asterisk itself: the events of one list action, or its one answer."""
    with socket.create_connection(("127.0.0.1", asterisk.ami_port), timeout=10) as link:
        stream = link.makefile("rwb")
        stream.readline()
        for text in (
            f"Action: Login\r\nUsername: overdial\r\nSecret: {asterisk.secret}\r\nEvents: off\r\n\r\n",
            f"Action: {action}\r\nActionID: ask\r\n\r\n",
        ):
            stream.write(text.encode())
        stream.flush()
        found: list[dict[str, str]] = []
        while True:
            message: dict[str, str] = {}
            while (line := stream.readline().decode().rstrip("\r\n")) != "":
                name, _, value = line.partition(": ")
                message[name] = value
            if message.get("ActionID") == "ask":
                found.append(message)
                begins = message.get("EventList") == "start"
                if message.get("EventList") == "Complete" or ("Response" in message and not begins):
                    return found


def _both(floor: Floor) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return our queuesummary and Asterisk's QueueSummary, by queue."""
    theirs = {
        row["Queue"]: [
            int(row[key])
            for key in ("LoggedIn", "Available", "Callers", "HoldTime", "TalkTime", "LongestHoldTime")
        ]
        for row in _ami(floor.stage.asterisk, "QueueSummary")
        if row.get("Event") == "QueueSummary"
    }
    *rows, last = floor.json("Supervisor/queuesummary")
    assert sorted(last) == ["dateReceived", "internalActionId"]
    assert re.fullmatch(r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d{2}:\d{2} [AP]M", last["dateReceived"])
    ours = {
        row["queue"]: [
            row[key]
            for key in ("loggedIn", "available", "callers", "holdTime", "talkTime", "longestHoldTime")
        ]
        for row in rows
    }
    return ours, theirs


def _agree(floor: Floor) -> bool:
    ours, theirs = _both(floor)
    # The two are asked one after the other: a second may have passed for who waits.
    return ours.keys() == theirs.keys() and all(
        ours[name][:5] == theirs[name][:5] and abs(ours[name][5] - theirs[name][5]) <= 1 for name in ours
    )


def _params(floor: Floor, queue: str) -> dict[str, str]:
    rows = _ami(floor.stage.asterisk, "QueueStatus")
    return next(row for row in rows if row.get("Event") == "QueueParams" and row["Queue"] == queue)


def test_live_answers_agree_with_asterisks_own(floor: Floor) -> None:
    """Callers from outside, whom the engine did not call: three talk, two wait, one of them leaves."""
    stage = floor.stage
    stage.wait(lambda: stage.asterisk.channels() == 0, "everybody has hung up")
    stage.wait(lambda: _agree(floor), "both say the same of an empty floor")
    before, status_before = _params(floor, OTHER), floor.json("Supervisor/campaignstatus")[OTHER]
    for _ in range(5):
        _call_in(stage.asterisk, OTHER)
    stage.wait(lambda: _both(floor)[1][OTHER][2] == 2, "two callers wait")
    stage.wait(lambda: _agree(floor), "both say the same of talks and of who waits")
    status = floor.json("Supervisor/campaignstatus", ("queue", OTHER))[OTHER]
    assert (status["busy"], status["acd"], status["availables"]) == (3, 2, 0)
    stage.wait(lambda: _both(floor)[1][OTHER][5] >= 2, "somebody has waited for two seconds")
    stage.wait(lambda: _agree(floor), "both say the same of the longest wait")
    stage.asterisk.command("channel request hangup all")
    stage.wait(lambda: stage.asterisk.channels() == 0, "everybody has hung up")
    stage.wait(lambda: _agree(floor), "both say the same of the averages afterwards")

    def counted() -> bool:
        after, own = _params(floor, OTHER), floor.json("Supervisor/campaignstatus")[OTHER]
        told = [own[key] - status_before[key] for key in ("completed", "abandoned")]
        return (
            told == [int(after[key]) - int(before[key]) for key in ("Completed", "Abandoned")]
            and sum(told) == 5
        )

    stage.wait(counted, "both have counted five calls more")
    params, own = _params(floor, OTHER), floor.json("Supervisor/campaignstatus")[OTHER]
    assert (own["strategy"], own["slevelthreshold"]) == (params["Strategy"], params["ServiceLevel"])
    if (int(before["Completed"]), int(before["Abandoned"])) == (0, 0):
        assert [own["servicelevel"], own["servicelevel2"]] == [
            params["ServicelevelPerf"], params["ServicelevelPerf2"],
        ]  # fmt: skip


# Reads, and the end.


@by_client
def test_reads_by_every_client(floor: Floor, client: Client) -> None:
    dialers = json.loads(client(floor.site, PREFIX + "Dialers/get", ()))
    assert {dialer["campaign"] for dialer in dialers} == {CAMPAIGN, OTHER}
    assert all(len(dialer) == 26 for dialer in dialers)
    queues = json.loads(floor.ask("queues/getqueues", ("lastrow", ""), client=client))
    assert {queue["name"] for queue in queues} == {CAMPAIGN, OTHER, "STAYS->", "MANUAL->"}
    assert all(len(queue) == 47 for queue in queues)


def test_an_accepted_file_survives_the_process_and_is_loaded_once(floor: Floor) -> None:
    stage, lines = floor.stage, 20_000
    text = "".join(f"{OTHER};7{n:07d};n={n};;9999;\r\n" for n in range(lines))
    fields = (
        ("filename", "big"), ("fileb64", base64.b64encode(text.encode()).decode()), ("campaign", OTHER),
        ("cant", "0"), ("username", "admin"),
    )  # fmt: skip
    # What ends while nobody watches is told by nobody: it is not what is compared below.
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state <> 'ended'", 0)
    day = ("completed", "abandoned", "talked", "hold", "totalcalls", "servicelevel", "servicelevel2")
    before = floor.json("Supervisor/campaignstatus")
    assert floor.ask("Dialers/uploadbase", *fields, client=fetch) == "1"
    read = "SELECT lines_read FROM ccdata.uploads WHERE list = 'big'"
    stage.wait(lambda: int(stage.value(read)) > 0, "the load has begun")
    stage.signal(signal.SIGKILL)
    assert stage.engine is not None
    stage.engine.process.wait()
    assert stage.value("SELECT status FROM ccdata.uploads WHERE list = 'big'") in ("loading", "done")
    stage.start(fresh_log=True)
    done = "SELECT CONCAT(status, ' ', accepted, ' ', refused) FROM ccdata.uploads WHERE list = 'big'"
    stage.wait_for_value(done, f"done {lines} 0")
    count = "SELECT COUNT(*), COUNT(DISTINCT destination) FROM ccdata.calls_spool WHERE dialerbase = 'big'"
    assert stage.sql(count) == [[str(lines), str(lines)]]
    assert not any((stage.home / "uploads").iterdir())
    # The new process knows the day, too: of calls that it placed, and of those from outside (OTHER).
    after = floor.json("Supervisor/campaignstatus")
    for name, status in after.items():
        assert [status[key] for key in day] == [before[name][key] for key in day], name
    assert stage.stop() == 0
