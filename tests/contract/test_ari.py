"""The ARI link against a server that fails on purpose: cuts, garbage, refusals, silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import WSCloseCode, web

from engine.adapters.ari import AriSettings, AriVoice, link
from engine.domain import broadcast as bc
from engine.lab.parts import free_port
from engine.ports import LinkError, RefusedError, UncertainError
from engine.ports.voice import VoiceEvent
from tests.doubles import background, until

SECRET = "s3cret"


class Server:
    """A scripted ARI: `inside` are the channels of our application; `answers` maps paths to what is said."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.authorised: list[bool] = []
        self.port = free_port()

    async def events(self, request: web.Request) -> web.WebSocketResponse:
        self.authorised.append(request.headers.get("Authorization", "").startswith("Basic "))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for _ in socket:
            pass
        return socket

    async def rest(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path.removeprefix("/ari/"), dict(request.query)))
        if request.path == "/ari/applications/overdial":
            return await self.in_pieces(request, {"name": "overdial", "channel_ids": self.inside})
        answer = self.answers.get(request.path.removeprefix("/ari/"), 204)
        if answer == "silence":
            await asyncio.Event().wait()
        if answer == "cut":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if isinstance(answer, bytes):
            return web.Response(body=answer)
        return web.Response(status=answer, text='{"message":"so"}' if answer >= 300 else "")

    async def in_pieces(self, request: web.Request, answer: dict[str, Any]) -> web.StreamResponse:
        """Say something long as a network does: in several pieces, each read before the next one comes."""
        response = web.StreamResponse()
        await response.prepare(request)
        text = json.dumps(answer).encode()
        for start in range(0, len(text), 40):
            await response.write(text[start : start + 40])
            for _ in range(10):
                await asyncio.sleep(0)
        await response.write_eof()
        return response

    async def send(self, **event: Any) -> None:
        await self.sockets[-1].send_str(json.dumps(event))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_get("/ari/events", server.events)
    app.router.add_route("*", "/ari/{path:.*}", server.rest)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", server.port).start()
    yield server
    await runner.cleanup()


def a_voice(server: Server, timeout: float = 5.0) -> AriVoice:
    return AriVoice(AriSettings(f"http://127.0.0.1:{server.port}", "overdial", SECRET, timeout))


async def test_calls_enter_press_hear_and_leave(server: Server) -> None:
    voice = a_voice(server)
    async with background(voice.run()):
        await until(lambda: voice.up and bool(server.asked), "the link is up")
        assert server.authorised == [True]
        await server.send(type="StasisStart", channel={"id": "c1"}, args=["PERSON"])
        await server.send(type="StasisStart", channel={"id": "c2"}, args=["MACHINE"])
        await server.send(type="ChannelDtmfReceived", channel={"id": "c1"}, digit="9")
        assert await voice.next_event() == VoiceEvent("c1", bc.Entered())
        assert await voice.next_event() == VoiceEvent("c2", bc.Entered(machine=True))
        assert await voice.next_event() == VoiceEvent("c1", bc.Pressed("9"))
        await voice.play("c1", ["a", "b"])
        method, path, query = server.asked[-1]
        assert (method, path, query["media"]) == ("POST", "channels/c1/play", "sound:a,sound:b")
        await server.send(
            type="PlaybackFinished",
            playback={"id": query["playbackId"], "target_uri": "channel:c1", "state": "done"},
        )
        await server.send(type="StasisEnd", channel={"id": "c1"})
        assert await voice.next_event() == VoiceEvent("c1", bc.Played())
        assert await voice.next_event() == VoiceEvent("c1", bc.Left())


async def test_what_was_missed_while_the_link_was_gone_is_made_up_for(server: Server) -> None:
    voice = a_voice(server)
    async with background(voice.run()):
        await until(lambda: voice.up and bool(server.asked), "the link is up")
        for call in ("stays", "leaves"):
            await server.send(type="StasisStart", channel={"id": call}, args=["PERSON"])
            await voice.next_event()
        server.inside = ["stays", "new"]
        await server.sockets[-1].close(code=WSCloseCode.GOING_AWAY)
        told = {await voice.next_event() for _ in range(3)}
    assert told == {
        VoiceEvent("leaves", bc.Left()),
        VoiceEvent("stays", bc.Entered()),
        VoiceEvent("new", bc.Entered()),
    }


async def test_what_was_stopped_is_not_told_as_played(server: Server) -> None:
    voice = a_voice(server)
    async with background(voice.run()):
        await until(lambda: voice.up and bool(server.asked), "the link is up")
        await voice.play("c1", ["a"])
        first = server.asked[-1][2]["playbackId"]
        await voice.stop_playing("c1")
        await voice.play("c1", ["b"])
        second = server.asked[-1][2]["playbackId"]
        for playback, state in ((first, "done"), (second, "failed")):
            finished = {"id": playback, "target_uri": "channel:c1", "state": state}
            await server.send(type="PlaybackFinished", playback=finished)
        assert await voice.next_event() == VoiceEvent("c1", bc.Played(failed=True))


@pytest.mark.parametrize("garbage", ["not json", "[]", '{"type": 5}', "{}", '{"type":"StasisEnd"}'])
async def test_garbage_costs_nothing_but_itself(server: Server, garbage: str) -> None:
    voice = a_voice(server)
    async with background(voice.run()):
        await until(lambda: voice.up and bool(server.asked), "the link is up")
        await server.sockets[-1].send_str(garbage)
        await server.send(type="StasisStart", channel={"id": "c1"}, args=[])
        event = await voice.next_event()
        if event == VoiceEvent("", bc.Left()):
            event = await voice.next_event()
        assert event == VoiceEvent("c1", bc.Entered())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (404, RefusedError),
        (409, RefusedError),
        (500, RefusedError),
        ("cut", UncertainError),
        ("silence", UncertainError),
        (b"{not json", UncertainError),
    ],
)
async def test_an_order_that_is_not_carried_out_says_how(
    server: Server, answer: Any, error: type[Exception]
) -> None:
    voice = a_voice(server, timeout=0.3)
    server.answers["channels/c1/play"] = answer
    async with background(voice.run()):
        await until(lambda: voice.up and bool(server.asked), "the link is up")
        with pytest.raises(error):
            await voice.play("c1", ["a"])


async def test_a_sound_that_was_refused_is_not_stopped(server: Server) -> None:
    voice = a_voice(server)
    server.answers["channels/c1/play"] = 404
    async with background(voice.run()):
        await until(lambda: voice.up and bool(server.asked), "the link is up")
        with pytest.raises(RefusedError):
            await voice.play("c1", ["a"])
        await voice.stop_playing("c1")
    assert server.asked[-1][:2] == ("POST", "channels/c1/play")


async def test_an_answer_without_an_end_is_not_read_for_ever(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "LONGEST", 1000)
    voice = a_voice(server)
    server.answers["channels/c1/play"] = b"x" * 1001
    async with background(voice.run()):
        await until(lambda: voice.up and bool(server.asked), "the link is up")
        with pytest.raises(UncertainError, match="more than 1000 bytes"):
            await voice.play("c1", ["a"])


async def test_without_a_link_nothing_leaves(server: Server) -> None:
    voice = a_voice(server)
    with pytest.raises(LinkError):
        await voice.play("c1", ["a"])
    assert server.asked == []


async def test_a_call_that_is_gone_is_no_error_to_hang_up(server: Server) -> None:
    voice = a_voice(server)
    server.answers["channels/c1"] = 404
    async with background(voice.run()):
        await until(lambda: voice.up and bool(server.asked), "the link is up")
        await voice.hang_up("c1")
    assert server.asked[-1][:2] == ("DELETE", "channels/c1")
