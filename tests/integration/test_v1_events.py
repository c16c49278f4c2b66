"""`/api/v1/events`: live views as a browser gets them, over a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from engine.api.v1 import events, stream
from engine.domain.access import Role
from engine.domain.agent import SeatState
from engine.domain.live import CallNow, QueueNow, SeatNow
from engine.domain.model import CampaignName
from engine.domain.pacing import Bound, Decision
from engine.ports import CampaignReport
from tests.api_rig import ApiRig
from tests.integration.test_v1_resources import V1, A, reached

URL = f"{V1}/events"
AT = datetime(2026, 5, 13, 16, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LOOK", 0.01)


@dataclass
class Told:
    """One event as it came."""

    kind: str
    data: dict[str, Any]
    id: str


@dataclass
class Listener:
    """Reads the lines of an open answer."""

    answer: aiohttp.ClientResponse
    last: str = ""
    told: list[Told] = field(default_factory=list)

    async def next(self) -> Told | None:
        """Return the next event; None at the end."""
        parts: dict[str, str] = {}
        while line := (await self.answer.content.readline()).decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if line == "\n" and "event" in parts:
                self.last = parts.get("id", self.last)
                told = Told(parts["event"], json.loads(parts["data"]), parts.get("id", ""))
                self.told.append(told)
                return told
            if name in ("id", "event", "data"):
                parts[name] = value
        return None

    async def until(self, kind: str, **data: Any) -> Told:
        """Read until an event of this kind with this data."""
        async with asyncio.timeout(20):
            while (told := await self.next()) is not None:
                if told.kind == kind and data.items() <= told.data.items():
                    return told
        raise AssertionError(f"the stream ended before {kind} {data}: {self.told}")


@asynccontextmanager
async def listening(
    api: ApiRig, token: str, after: str = "", *, in_header: bool = True
) -> AsyncIterator[Listener]:
    headers = {"Last-Event-ID": after} if after else {}
    headers |= {"Authorization": f"Bearer {token}"} if in_header else {}
    query = {} if in_header else {"token": token}
    async with api.client.get(api.base + URL, params=query, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield Listener(answer)


def report(state: str = "running", sequence: int = 1, campaign: str = A) -> CampaignReport:
    decision = Decision(2, Bound.AGENTS, "two free agents", {"ready": 2.0})
    return CampaignReport(CampaignName(campaign), state, AT, decision=decision, sequence=sequence)


def call(state: str = "ringing", campaign: str = A, guid: str = "g1") -> CallNow:
    return CallNow(guid, campaign, state, "ana", "2125550001", "C-1")


async def test_a_watcher_gets_the_picture_and_then_what_changes(api: ApiRig) -> None:
    token = await api.user("boss", Role.SUPERVISOR)
    api.live.told[:] = [report()]
    api.live.seen[:] = [QueueNow(A, (SeatNow("PJSIP/101", "ana", False, SeatState.READY),), 0)]
    api.live.up[:] = [call()]
    async with listening(api, token) as listener:
        await listener.until("ready")
        first = {told.kind: told.data for told in listener.told}
        assert listener.told[0].kind == "reset"
        assert first["campaign"]["state"] == "running"
        assert (first["decision"]["calls"], first["decision"]["numbers"]) == (2, {"ready": 2.0})
        assert (first["seat"]["agent"], first["seat"]["state"]) == ("ana", "ready")
        assert (first["call"]["number"], first["call"]["state"]) == ("2125550001", "ringing")
        api.live.told[:] = [report("draining", 2)]
        await listener.until("campaign", state="draining")
        await listener.until("decision", sequence=2)
        api.live.up[:] = [call("connected")]
        await listener.until("call", guid="g1", state="connected")
        api.live.up.clear()
        await listener.until("call", guid="g1", state="ended")
        api.live.seen.clear()
        await listener.until("seat", agent="ana", state="gone")


async def test_event_source_sends_no_header_but_a_query(api: ApiRig) -> None:
    token = await api.user("boss", Role.SUPERVISOR)
    async with listening(api, token, in_header=False) as listener:
        await listener.until("ready")
        await api.ask("DELETE", f"{V1}/session", token)
        async with asyncio.timeout(20):
            while await listener.next() is not None:
                pass
    assert (await api.ask("GET", f"{URL}?token={token}")).status == 401
    other = await api.user("boss", Role.SUPERVISOR)
    assert (await api.ask("GET", f"{V1}/session?token={other}")).status == 401, "only where it is needed"


async def test_who_comes_back_goes_on_where_he_was(api: ApiRig, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await api.user("boss", Role.SUPERVISOR)
    api.live.up[:] = [call()]
    async with listening(api, token) as listener:
        await listener.until("ready")
    for state in ("answered", "queued"):
        api.live.up[:] = [call(state)]
        await api.office.stream.look()
    async with listening(api, token, listener.last) as again:
        await again.until("call", state="queued")
        assert [(told.kind, told.data["state"]) for told in again.told] == [
            ("call", "answered"), ("call", "queued"),
        ]  # fmt: skip
    for unknown in ("other.1", f"{listener.last}9999", "nonsense"):
        async with listening(api, token, unknown) as lost:
            await lost.until("reset")


async def test_everybody_sees_what_is_his_business(api: ApiRig) -> None:
    api.live.up[:] = [call(), call(campaign="B<-", guid="g2")]
    api.live.told[:] = [report(), report(campaign="B<-")]
    scoped = await api.user("scoped", Role.SUPERVISOR, campaigns=["B<-"])
    async with listening(api, scoped) as listener:
        await listener.until("ready")
        assert {told.data["campaign"] for told in listener.told if told.data} == {"B<-"}
    ana = await api.user("ana", Role.AGENT)
    async with listening(api, ana) as listener:
        await listener.until("ready")
        seen = [told for told in listener.told if told.data]
        assert {told.kind for told in seen} == {"call"}
        assert not any("number" in told.data or "contact" in told.data for told in seen)
    bob = await api.user("bob", Role.AGENT)
    async with listening(api, bob) as listener:
        await listener.until("ready")
        assert [told.kind for told in listener.told] == ["reset", "ready"]
    assert (await api.ask("GET", URL)).status == 401


async def test_who_does_not_read_is_dropped(api: ApiRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WAITING", 50)
    monkeypatch.setattr(events, "SLOW", 0.2)
    token = await api.user("boss", Role.SUPERVISOR)
    host, port = api.base.removeprefix("http://").split(":")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, (host, int(port)))
        ask = f"GET {URL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        await loop.sock_sendall(deaf, ask.encode())
        watchers = api.office.stream._watchers

        async def watched() -> bool:
            return len(watchers) == 1

        await reached(watched, "it watches")

        async def dropped() -> bool:
            api.live.up[:] = [call(guid=f"{n}-{loop.time()}" + "x" * 2000) for n in range(40)]
            return not watchers

        await reached(dropped, "it is dropped")


async def test_a_sign_of_life_comes_and_a_session_that_is_over_ends_the_stream(
    api: ApiRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.02)
    token = await api.user("boss", Role.SUPERVISOR)
    async with listening(api, token) as listener:
        await listener.until("ready")
        assert (await listener.answer.content.readuntil(b": alive\n\n")).endswith(b": alive\n\n")
        api.sql("DELETE FROM ccdata.tokens")
        async with asyncio.timeout(20):
            while not listener.answer.content.at_eof():
                await listener.answer.content.readline()


async def test_a_session_that_is_over_ends_the_stream_also_when_there_is_always_something_to_tell(
    api: ApiRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "CHECK", 0.0)
    token = await api.user("boss", Role.SUPERVISOR)
    api.live.up[:] = [call()]
    async with listening(api, token) as listener:
        await listener.until("ready")
        api.sql("DELETE FROM ccdata.tokens")
        api.office.guard.forget()
        api.live.up[:] = [call("connected")]
        async with asyncio.timeout(20):
            assert await listener.next() is None


async def test_after_a_session_was_ended_nothing_more_is_told(
    api: ApiRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "CHECK", 3600.0)
    monkeypatch.setattr(events, "HEARTBEAT", 3600.0)
    root = await api.user("root")
    await api.user("watcher", Role.SUPERVISOR)
    for how in ("session", "tokens"):
        token = await api.user("watcher", Role.SUPERVISOR)
        async with listening(api, token) as listener:
            await listener.until("ready")
            if how == "session":
                assert (await api.ask("DELETE", f"{V1}/session", token)).status < 300
            else:
                assert (await api.ask("DELETE", f"{V1}/users/watcher/tokens", root)).status == 200
            api.live.up[:] = [call(guid=how)]
            async with asyncio.timeout(20):
                while await listener.next() is not None:
                    pass
            assert how not in [told.data.get("guid") for told in listener.told]


async def test_so_many_connections_and_no_more(api: ApiRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "OF_ONE", 1)
    token = await api.user("boss", Role.SUPERVISOR)
    async with listening(api, token):
        refused = await api.ask("GET", URL, token)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "5")

    async def gone() -> bool:
        return not api.office.stream._watchers

    await reached(gone, "the connection is closed")
    async with listening(api, token) as listener:
        await listener.until("ready")


async def test_nobody_looks_when_nobody_watches(api: ApiRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LINGER", 0.05)
    token = await api.user("boss", Role.SUPERVISOR)
    async with listening(api, token) as listener:
        await listener.until("ready")

    async def asleep() -> bool:
        return not api.office.stream._wanted.is_set()

    await reached(asleep, "nobody looks")
    async with listening(api, token, listener.last) as again:
        await again.until("reset")


async def test_the_server_stops_at_once_though_somebody_watches(api: ApiRig) -> None:
    token = await api.user("boss", Role.SUPERVISOR)
    async with listening(api, token) as listener:
        await listener.until("ready")
        api.office.stream.close()
        async with asyncio.timeout(20):
            while await listener.next() is not None:
                pass
