"""A campaign steered over /api/v1 alone, on real parts: loaded, started, watched, paused, resumed."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from engine.lab.parts import free_port
from tests.endpoint import Hit, verified
from tests.stage import CAMPAIGN, OTHER, Stage

AT = f"/api/v1/campaigns/{quote(CAMPAIGN, safe='')}"


class Client:
    """What a program does that steers the dialer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = ""

    def open(self, method: str, path: str, body: Any = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token}", "Connection": "close"}
        if content is not None:
            headers["Content-Type"] = "text/csv" if isinstance(body, bytes) else "application/json"
        connection.request(method, path, content, headers)
        return connection.getresponse()

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.open(method, path, body)
        text = answer.read()
        assert answer.status == status, (method, path, answer.status, text)
        return json.loads(text) if text else None

    def log_in(self, password: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        form = f"user=admin&password={quote(password)}"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"}
        connection.request("POST", "/Integra/resources/auth/getUserToken", form, headers)
        self.token = json.load(connection.getresponse())


@contextmanager
def endpoint() -> Iterator[tuple[str, list[Hit]]]:
    """The customer's endpoint; it fails every first try."""
    hits: list[Hit] = []
    seen: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hit = Hit({name.lower(): value for name, value in self.headers.items()}, body)
            hits.append(hit)
            self.send_response(204 if hit.id in seen else 503)
            seen.add(hit.id)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", hits
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def watching(client: Client) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What a live view was sent so far."""
    told: list[tuple[str, dict[str, Any]]] = []
    answer = client.open("GET", "/api/v1/events")
    assert answer.status == 200

    def read() -> None:
        kind = ""
        for line in answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            kind = value if name == "event" else kind
            if name == "data":
                told.append((kind, json.loads(value)))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield told
    thread.join(20)
    assert not thread.is_alive(), "the engine's stop ends every stream"
    answer.close()


def test_a_campaign_over_http(stage: Stage) -> None:
    port = free_port()
    stage.extra = (
        f"[http]\nport = {port}\n[webhooks]\nhttp = true\nnetworks = ['127.0.0.0/8']\nfirst_retry = 0.2\n"
    )
    stage.start()
    client = Client(port)
    word = re.search(r"user 'admin' was made with the password (\S+)", stage.log())
    assert word is not None
    client.log_in(word[1])
    campaign = {
        "campaign": CAMPAIGN, "schedule": "sun-sat;00:00-23:59", "dialstring": "SIP/CARRIER/", "timeout": 3,
        "callerid": "18885550100", "country": "none", "tbc": -300, "maxchannels": 6,
        "queue": {"wrapuptime": 1, "queue_timeout": 5},
    }  # fmt: skip
    client.ask("POST", "/api/v1/campaigns", campaign, 201)
    lines = "".join(f"{CAMPAIGN};5551{n:03d}100;;;\n" for n in range(150))
    upload = client.ask("POST", f"{AT}/uploads?list=L1", lines.encode(), 202)
    stage.wait(
        lambda: client.ask("GET", f"/api/v1/uploads/{upload['id']}")["status"] == "done", "the file is loaded"
    )
    with endpoint() as (url, hits):
        hook = client.ask("POST", "/api/v1/webhooks", {"campaign": CAMPAIGN, "url": url}, 201)
        with watching(client) as told:
            _starts_and_tells(stage, client, hook["secret"], hits, told)
            _pauses_and_resumes(stage, client, told)
            _hangs_up(stage, client)
            _seats_and_pauses(stage, client)
            assert stage.stop() == 0


def _starts_and_tells(
    stage: Stage, client: Client, secret: str, hits: list[Hit], told: list[tuple[str, dict[str, Any]]]
) -> None:
    client.ask("POST", f"{AT}/start", status=202)
    stage.wait(lambda: any(k == "campaign" and d["state"] == "running" for k, d in told), "it is seen to run")
    stage.wait(lambda: any(k == "call" and d["state"] == "ended" for k, d in told), "a call is seen to end")
    assert any(kind == "seat" and data["state"] == "talking" for kind, data in told)
    # Every first try was refused: what is here twice was delivered by the second one.
    stage.wait(lambda: len(hits) > len({hit.id for hit in hits}) >= 3, "webhooks are delivered")
    assert all(verified(secret, hit) for hit in list(hits))
    ended = next(hit.event for hit in hits if hit.event["data"]["outcome"] == "answered")
    call = client.ask("GET", f"/api/v1/calls/{ended['data']['call']}")
    assert (call["outcome"], call["number"]) == ("answered", ended["data"]["number"])
    stage.wait_for_value(
        "SELECT COUNT(*) > 2 FROM ccdata.webhook_deliveries WHERE attempts = 2 AND last_status = 204", 1
    )


def _pauses_and_resumes(stage: Stage, client: Client, told: list[tuple[str, dict[str, Any]]]) -> None:
    client.ask("POST", f"{AT}/pause", {"reason": "lunch"}, 202)
    stage.wait(lambda: any(k == "campaign" and d["state"] == "drained" for k, d in told), "it is drained")
    placed = stage.value("SELECT COUNT(*) FROM ccdata.attempts")
    assert client.ask("GET", "/api/v1/calls/live") == []
    assert client.ask("GET", f"{AT}/state")["state"] == "drained"
    now = stage.value("SELECT updated_at FROM ccdata.campaign_state")
    stage.wait_for_value(f"SELECT updated_at > '{now}' + INTERVAL 2 SECOND FROM ccdata.campaign_state", 1)
    assert stage.value("SELECT COUNT(*) FROM ccdata.attempts") == placed
    left = client.ask("GET", f"{AT}/lists/L1")
    assert left["ready"] > 0
    client.ask("POST", f"{AT}/start", status=202)
    stage.wait_for_value(f"SELECT COUNT(*) > {placed} FROM ccdata.attempts", 1)


def _hangs_up(stage: Stage, client: Client) -> None:
    """Calls here last a second or two: one of them is caught."""

    def one_is_hung_up() -> Any:
        for call in client.ask("GET", "/api/v1/calls/live")[-1:]:
            answer = client.open("POST", f"/api/v1/calls/{call['guid']}/hangup")
            order = json.loads(answer.read())
            if answer.status == 202:
                status = f"SELECT status FROM ccdata.orders WHERE id = {order['order']}"
                stage.wait_for_value(f"SELECT ({status}) IN ('done', 'failed')", 1)
                return client.ask("GET", f"/api/v1/orders/{order['order']}")["status"] == "done"
        return False

    stage.wait(one_is_hung_up, "a call is hung up by its id")


def _seats_and_pauses(stage: Stage, client: Client) -> None:
    """A second campaign, whose own agents are all paused: only who is seated over HTTP gets its calls."""
    at, interface = f"/api/v1/campaigns/{quote(OTHER, safe='')}", "PJSIP/agent301"

    def done(*orders: int) -> None:
        for order in orders:
            stage.wait_for_value(f"SELECT status FROM ccdata.orders WHERE id = {order}", "done")

    def nora() -> Any:
        seats = client.ask("GET", f"/api/v1/agents?campaign={quote(OTHER)}")
        return next((seat for seat in seats if seat["interface"] == interface), None)

    def talks() -> int:
        return int(stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE agent = 'nora'"))

    client.ask("POST", f"{AT}/stop", status=202)
    settings = client.ask("GET", AT)
    kept = ("schedule", "dialstring", "timeout", "callerid", "country", "tbc", "maxchannels")
    queue = {"wrapuptime": 0, "queue_timeout": 5}
    campaign = {"campaign": OTHER, "queue": queue, **{name: settings[name] for name in kept}}
    client.ask("POST", "/api/v1/campaigns", campaign, 201)
    lines = "".join(f"{OTHER};5552{n:03d}100;;;\n" for n in range(200)).encode()
    upload = client.ask("POST", f"{at}/uploads?list=L2", lines, 202)
    stage.wait(
        lambda: client.ask("GET", f"/api/v1/uploads/{upload['id']}")["status"] == "done", "the file is loaded"
    )
    own = [{"agent": f"agent{number}", "campaign": OTHER} for number in (201, 202, 203)]
    for seat in own:
        done(*(made["order"] for made in client.ask("POST", "/api/v1/agents/pause", seat, 202)))
    try:
        made = client.ask("POST", f"{at}/members", {"interface": "SIP/agent301", "agent": "nora"}, 202)
        done(made["order"])
        stage.wait(lambda: nora() is not None, "she is in the live picture")
        assert f"nora ({interface}" in stage.asterisk.command(f"queue show {OTHER}")
        client.ask("POST", f"{at}/start", status=202)
        stage.wait(lambda: talks() > 0, "she gets a call")

        wish = {"agent": "nora", "campaign": OTHER, "reason": 'lunch, \\ "30" min'}
        [pause] = client.ask("POST", "/api/v1/agents/pause", wish, 202)
        done(pause["order"])
        stage.wait(lambda: nora()["state"] == "paused", "her talk ends and she is paused")
        seat = nora()
        assert (seat["paused"], seat["reason"]) == (True, wish["reason"])
        assert seat["since"] is not None
        shown = stage.asterisk.command(f"queue show {OTHER}")
        assert re.search(r"nora .*\(paused:lunch, ", re.sub(r"\x1b\[[0-9;]*m", "", shown))
        stage.wait(lambda: client.ask("GET", "/api/v1/calls/live") == [], "calls come to their end")
        talked, placed = talks(), stage.value("SELECT COUNT(*) FROM ccdata.attempts")
        now = stage.value(f"SELECT updated_at FROM ccdata.campaign_state WHERE campaign = '{OTHER}'")
        stage.wait_for_value(
            f"SELECT updated_at > '{now}' + INTERVAL 2 SECOND FROM ccdata.campaign_state"
            f" WHERE campaign = '{OTHER}'",
            1,
        )
        assert client.ask("GET", f"{at}/state")["state"] == "running"
        assert stage.value("SELECT COUNT(*) FROM ccdata.attempts") == placed, "nobody is dialled for her"
        assert talks() == talked

        back = {"agent": interface}
        done(*(one["order"] for one in client.ask("POST", "/api/v1/agents/unpause", back, 202)))
        stage.wait(lambda: talks() > talked, "she gets calls again")
        left = client.ask("DELETE", f"{at}/members?interface={quote(interface, safe='')}", status=202)
        done(left["order"])
        stage.wait(lambda: nora() is None, "she is in the picture no more")
        assert client.ask("GET", f"{at}/members") == []
        assert "nora" not in stage.asterisk.command(f"queue show {OTHER}")
    finally:
        for seat in own:
            name, queue = f"PJSIP/{seat['agent']}", seat["campaign"]
            stage.asterisk.command(f"queue unpause member {name} queue {queue}")
