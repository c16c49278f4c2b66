"""The optional parts of asterisk-conf/: transports, wss, agents, and one file per family of gateways."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from engine.adapters.ami import AmiCallControl, AmiSettings
from engine.domain import events as ev
from engine.lab.parts import poll
from engine.lab.sipp import Sipp
from engine.resources import resource
from tests.conftest import LAB
from tests.doubles import background
from tests.scripted_ami import order
from tests.switch_conf import Switch

CONF = resource("asterisk-conf")
TRUNKS = sorted((CONF / "trunks").glob("*.conf"))
DAHDI = sorted((CONF / "trunks/dahdi").glob("*.conf"))
#: RFC 5737: addresses for documentation.
EXAMPLES = ("192.0.2.", "198.51.100.", "203.0.113.")
#: Agents as they come in over each transport.
AGENTS = """
[house101](overdial-agent)
aors = house101
auth = house101
transport = overdial-udp
[house101](overdial-agent-aor)
[house101](overdial-agent-auth)
username = house101
password = secret101
[tls102](overdial-agent-tls)
aors = tls102
auth = tls102
transport = overdial-tls
[tls102](overdial-agent-aor)
[tls102](overdial-agent-auth)
username = tls102
password = secret102
[web103](overdial-agent-webrtc)
aors = web103
auth = web103
transport = overdial-wss
[web103](overdial-agent-aor)
[web103](overdial-agent-auth)
username = web103
password = secret103
"""


@pytest.fixture(scope="module")
def registrar(home: Path) -> Iterator[Sipp]:
    """A carrier that wants a password for everything."""
    sipp = Sipp(Path(__file__).parent / "registrar.xml", home / "registrar")
    sipp.start()
    yield sipp
    sipp.stop()


@pytest.fixture(scope="module")
def switch(home: Path, carrier: Sipp, registrar: Sipp) -> Iterator[Switch]:
    """Asterisk with every SIP trunk file; the two plain carriers are real."""
    real = {
        "sip:192.0.2.10:5060": f"sip:127.0.0.1:{registrar.port}",
        "sip:192.0.2.20:5060": f"sip:127.0.0.1:{carrier.port}",
    }
    part = Switch(LAB, home / "switch", real, AGENTS)
    part.asterisk.start()
    yield part
    part.asterisk.stop()


@asynccontextmanager
async def linked(switch: Switch) -> AsyncIterator[AmiCallControl]:
    settings = AmiSettings(port=switch.asterisk.ami_port, secret=switch.asterisk.secret)
    control = AmiCallControl(settings, lambda: datetime.now(UTC))
    async with background(control.run()):
        while not isinstance(await control.next_event(), ev.LinkUp):
            pass
        yield control


def test_all_optional_files_load_without_a_warning_or_error(switch: Switch) -> None:
    log = switch.log()
    boot = log[: log.rfind("Default country")]
    assert not re.findall(r"^.*(?:WARNING|ERROR).*$", boot, re.MULTILINE)


@pytest.mark.parametrize("path", TRUNKS, ids=lambda path: path.stem)
def test_each_trunk_file_gives_the_endpoint_that_its_dial_string_names(switch: Switch, path: Path) -> None:
    names = set(re.findall(r"SIP/([A-Z-]+)/", path.read_text()))
    assert names, "a trunk file says which dial string it is for"
    shown = switch.asterisk.command("pjsip show endpoints")
    for name in names:
        assert re.search(rf"Endpoint: +{name} +(?:Not in use|Unavailable)", shown)


@pytest.mark.parametrize("path", [*TRUNKS, *DAHDI], ids=lambda path: path.stem)
def test_trunk_files_carry_example_addresses_only(path: Path) -> None:
    found = re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", path.read_text())
    assert all(address.startswith(EXAMPLES) for address in found)


@pytest.mark.parametrize("path", DAHDI, ids=lambda path: path.stem)
def test_dahdi_files_say_what_chan_dahdi_reads(path: Path) -> None:
    """chan_dahdi wants a kernel module, so these are read, not loaded: settings first, then the channels."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(";")]
    assert lines[0] == "[channels]"
    assert all(re.fullmatch(r"[a-z0-9_]+ = \S+", line) for line in lines[1:-1])
    assert re.fullmatch(r"channel => [0-9,-]+", lines[-1])
    settings = dict(line.split(" = ") for line in lines[1:-1])
    assert settings["signalling"] in ("pri_cpe", "mfcr2", "fxs_ks")
    assert f"DAHDI/g{settings['group']}/" in path.read_text()


def test_templates_of_agents_encrypt_as_they_promise(switch: Switch) -> None:
    def value(agent: str, setting: str) -> str:
        shown = switch.asterisk.command(f"pjsip show endpoint {agent}")
        return re.search(rf"^ *{setting} +: (.*?) *$", shown, re.MULTILINE)[1]  # type: ignore[index]

    assert value("house101", "media_encryption") == "no"
    assert value("tls102", "media_encryption") == "sdes"
    assert value("tls102", "media_encryption_optimistic") == "false"
    assert value("web103", "media_encryption") == "dtls"
    assert value("web103", "ice_support") == "true"
    assert value("web103", "rtcp_mux") == "true"


async def test_a_browser_finds_sip_behind_wss(switch: Switch) -> None:
    trust = ssl.create_default_context(cafile=str(switch.asterisk.home.parent / "keys/overdial.crt"))
    async with (
        aiohttp.ClientSession() as browser,
        browser.ws_connect(f"wss://localhost:{switch.https}/ws", protocols=("sip",), ssl=trust) as line,
    ):
        assert line.protocol == "sip"
        register = (
            "REGISTER sip:localhost SIP/2.0\r\n"
            f"Via: SIP/2.0/WSS x.invalid;branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            "From: <sip:web103@localhost>;tag=1\r\nTo: <sip:web103@localhost>\r\nCall-ID: one\r\n"
            "CSeq: 1 REGISTER\r\nContact: <sip:web103@x.invalid;transport=ws>\r\nMax-Forwards: 70\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        await line.send_str(register)
        answer = await line.receive(timeout=10)
    text = answer.data if isinstance(answer.data, str) else answer.data.decode()
    assert text.startswith("SIP/2.0 401 ")


async def test_an_agent_that_a_program_adds_is_there_at_once_and_after_a_restart(switch: Switch) -> None:
    base = f"http://127.0.0.1:{switch.asterisk.http_port}/ari/asterisk/config/dynamic/res_pjsip"
    parts = {
        "auth": {"auth_type": "userpass", "username": "new104", "password": "secret104"},
        "aor": {"max_contacts": "1", "remove_existing": "yes"},
        "endpoint": {"context": "from-agents", "allow": "!all,ulaw", "auth": "new104", "aors": "new104"},
    }
    user = base64.b64encode(f"overdial:{switch.asterisk.secret}".encode()).decode()
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {user}"}) as program:
        for kind, fields in parts.items():
            body = {"fields": [{"attribute": key, "value": value} for key, value in fields.items()]}
            async with program.put(f"{base}/{kind}/new104", json=body) as answer:
                assert answer.status == 200, await answer.text()
    assert "new104" in switch.asterisk.command("pjsip show endpoint new104")
    switch.asterisk.stop()
    switch.asterisk.start()
    assert "ParameterName" in switch.asterisk.command("pjsip show endpoint new104")


async def test_a_call_leaves_over_the_carrier_that_knows_our_address(switch: Switch, carrier: Sipp) -> None:
    call = secrets.token_hex(8)
    way = {"context": "overdial-workflow", "exten": "s"}
    async with linked(switch) as control:
        await control.originate(order(call, channel="PJSIP/5557701100@CARRIER-IP", timeout=10, **way))
        await _answered(control, call)
    await asyncio.to_thread(poll, lambda: "5557701100" in carrier.invites(), "the carrier was asked")


async def test_a_call_leaves_over_the_carrier_where_we_are_registered(
    switch: Switch, registrar: Sipp
) -> None:
    poll(lambda: "Registered" in switch.asterisk.command("pjsip show registrations"), "registered")
    call = secrets.token_hex(8)
    way = {"context": "overdial-workflow", "exten": "s"}
    async with linked(switch) as control:
        await control.originate(order(call, channel="PJSIP/5557702100@CARRIER-REG", timeout=10, **way))
        await _answered(control, call)
        await control.hang_up(call)
    for method, header in (("REGISTER", "Authorization"), ("INVITE", "Proxy-Authorization")):

        def proven(method: str = method, header: str = header) -> bool:
            return _proven(method, header, registrar.messages.read_text())

        await asyncio.to_thread(poll, proven, f"{method} with the right answer")


async def _answered(control: AmiCallControl, call: str) -> None:
    while True:
        event = await control.next_event()
        if isinstance(event, ev.CallEvent) and event.call == call:
            assert not isinstance(event, ev.OriginateFailed | ev.HungUp), event
            if isinstance(event, ev.Answered):
                return


def _proven(method: str, header: str, messages: str) -> bool:
    """Is there a request whose digest is that of the file's user and password (RFC 2617 §3.2.2)?"""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    for line in re.findall(rf"^{header}: Digest (.*)$", messages, re.MULTILINE):
        said = dict(re.findall(r'(\w+)="?([^",]+)"?', line))
        ha1 = md5(f"5550100:carrier:{'replace-me'}")
        if said["response"] == md5(f"{ha1}:{said['nonce']}:{md5(method + ':' + said['uri'])}"):
            return said["username"] == "5550100"
    return False
