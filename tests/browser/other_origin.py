"""A page on another origin in a real Chromium uses the documented API as the documented samples do: `$.ajax`
(XMLHttpRequest) and `fetch`, a form, the token in a header. `make browser` installs Chromium and runs it."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson

from engine.domain.access import Role
from engine.lab.mariadb import MariaDB
from tests.api_rig import ApiRig, api_rig
from tests.stage import Names

WORD = "Correct-horse-7"
#: What jQuery's $.ajax does with these options, in the browser's own words.
PAGE = """<!doctype html><script>
function ajax(options) {
  return new Promise((success) => {
    const request = new XMLHttpRequest();
    request.open(options.type, options.url, true);
    request.setRequestHeader('Content-Type', options.contentType);
    for (const name in options.headers || {}) request.setRequestHeader(name, options.headers[name]);
    request.onload = () => success({status: request.status, text: request.responseText});
    request.onerror = () => success({status: 0, text: 'refused by the browser'});
    request.send(new URLSearchParams(options.data).toString());
  });
}
async function run() {
  const base = '%s', form = 'application/x-www-form-urlencoded; charset=UTF-8', said = {};
  said.login = await ajax({type: 'POST', contentType: form, url: base + '/Integra/resources/auth/UserLogin',
    data: {user: 'Page', password: '%s'}});
  const key = JSON.parse(said.login.text)[2];
  const headers = {Authorization: 'Basic ' + key};
  said.logoff_of_nobody = await ajax({type: 'POST', contentType: form, headers: headers,
    url: base + '/Integra/resources/api/AgentLogoff', data: {agent: 'nobody'}});
  const mine = await fetch(base + '/api/v1/session', {headers: {Authorization: 'Bearer ' + key}});
  said.session = {status: mine.status, text: await mine.text()};
  const ended = new URLSearchParams({user: 'Page', token: key});
  said.end = {text: await (await fetch(base + '/Integra/resources/auth/EndSession',
    {method: 'POST', body: ended})).text()};
  return said;
}
run().catch((error) => ({fault: String(error)})).then((said) =>
  fetch('/done', {method: 'POST', body: JSON.stringify(said)}));
</script>"""


class Site:
    """Another origin: it serves the page and takes what the page found out."""

    def __init__(self, api: ApiRig) -> None:
        self.page = (PAGE % (api.base, WORD)).encode()
        self.said: Any = None
        self.done = threading.Event()

    @contextmanager
    def serve(self) -> Iterator[int]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(site.page)

            def do_POST(self) -> None:
                site.said = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(b"")
                site.done.set()

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()


async def _visit(api: ApiRig, home: Path) -> Any:
    """Open the page in a Chromium of its own; return what it found out."""
    await api.user("Page", Role.SUPERVISOR, password=await api.office.guard.passwords.hash(WORD))
    site = Site(api)
    program = shutil.which("chromium")
    assert program, "Chromium is not installed. Fix: make browser"
    with site.serve() as port:
        browser = await asyncio.create_subprocess_exec(
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            f"--user-data-dir={home / 'profile'}", f"http://127.0.0.1:{port}/",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert await asyncio.to_thread(site.done.wait, 60), "the page did not come to its end"
        finally:
            browser.kill()
            await browser.wait()
    return site.said


async def test_a_page_on_another_origin_uses_the_api(api: ApiRig, tmp_path: Path) -> None:
    said = await _visit(api, tmp_path)
    assert said["login"]["status"] == 200
    assert said["logoff_of_nobody"] == {"status": 200, "text": "0"}
    assert orjson.loads(said["session"]["text"])["user"] == "Page"
    assert said["end"]["text"] == "1"


async def test_a_page_that_is_not_allowed_reads_nothing(
    mariadb: MariaDB, api_names: Names, home: Path, tmp_path: Path
) -> None:
    async with api_rig(mariadb, api_names, home, allowed_origins=("https://crm.example",)) as api:
        said = await _visit(api, tmp_path)
    assert "fault" in said or said["login"]["status"] == 0
