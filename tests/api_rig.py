"""The HTTP API on a real port over a real database, without Asterisk: what tests of routes need."""

from __future__ import annotations

import asyncio
import base64
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from argon2 import PasswordHasher
from yarl import URL

from engine.adapters.clock import SteadyClock
from engine.adapters.hashing import Passwords
from engine.adapters.lawbooks import load_laws
from engine.adapters.legal import Legal
from engine.adapters.mysql import Database, users
from engine.adapters.mysql.database import Session
from engine.adapters.recordings import Recordings
from engine.adapters.upload_folder import UploadFolder
from engine.api.clerk import Clerk
from engine.api.guard import Guard, digest
from engine.api.office import Office
from engine.api.server import HttpServer, build
from engine.build import new_attempt_id
from engine.config import HttpSection
from engine.domain.access import Role
from engine.domain.live import CallNow, CallsNow, QueueNow
from engine.domain.localtime import LocalTime
from engine.domain.pacing import PROFILES
from engine.domain.passwords import Policy
from engine.domain.webhooks import Reach
from engine.lab.mariadb import MariaDB
from engine.lab.parts import free_port
from engine.opening import take_port
from engine.ports import CampaignReport, Clock
from engine.web import live_stream
from tests.stage import Names


@dataclass
class LiveDouble:
    """A live picture that a test fills."""

    linked: bool = True
    seen: list[QueueNow] = field(default_factory=list)
    under_way: dict[str, CallsNow] = field(default_factory=dict)
    told: list[CampaignReport] = field(default_factory=list)
    up: list[CallNow] = field(default_factory=list)

    async def current(self) -> bool:
        return self.linked

    async def leading(self) -> bool:
        return True

    async def queues(self) -> Sequence[QueueNow]:
        return self.seen

    async def calls(self) -> Mapping[str, CallsNow]:
        return self.under_way

    async def each_call(self) -> Sequence[CallNow]:
        return self.up

    async def reports(self) -> Sequence[CampaignReport]:
        return self.told


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        return orjson.loads(self.text)


@dataclass
class ApiRig:
    """Ask the API as a client does; look into the database as a supervisor does."""

    office: Office
    live: LiveDouble
    mariadb: MariaDB
    names: Names
    base: str
    client: aiohttp.ClientSession

    async def user(
        self,
        name: str,
        role: Role = Role.ADMINISTRATOR,
        *,
        campaigns: Sequence[str] = ("*",),
        phone: str = "",
        password: str = "",
    ) -> str:
        """Make a user (once); return a fresh token of his. `password`: a hash, '' for none."""
        now = datetime.now(UTC)
        token = base64.b64encode(f"{name}:{uuid.uuid4()}".encode()).decode()

        async def work(session: Session) -> None:
            if await users.find(session, name) is None:
                new = users.NewUser(name, role, password, tuple(campaigns), must_change=False)
                await users.add(session, new, now)
                if phone:
                    await session.run(
                        "INSERT INTO ccdata.phones (name, accountcode, fullname, md5secret)"
                        " VALUES (%s, %s, %s, %s)",
                        (phone, name, name.title(), secrets.token_hex(16)),
                    )
            await users.add_token(session, digest(token), name, "", now, now + timedelta(hours=1))

        await self.office.database.transaction(work)
        return token

    async def integra(self, path: str, token: str = "", /, **fields: str) -> str:
        """POST a form to `Integra/resources/<path>`; return the text of the answer, which has status 200."""
        said = await self.ask("POST", f"/Integra/resources/{path}", token, data=fields)
        assert said.status == 200, said
        return said.text

    async def ask(self, method: str, path: str | URL, token: str = "", **more: Any) -> Said:
        """Send any request; `path` without the server, or a whole URL; `more` as aiohttp takes it."""
        where = path if isinstance(path, URL) else self.base + path
        headers = dict(more.pop("headers", {}))
        if token:
            headers.setdefault("Authorization", f"Basic {token}")
        async with self.client.request(method, where, headers=headers, **more) as answer:
            return Said(answer.status, await answer.text(), answer.headers)

    def sql(self, text: str) -> list[list[str]]:
        """Run plain SQL; `ccdata.` and `ccrepo.` are this rig's own."""
        return [line.split("\t") for line in self.mariadb.sql(self.names.put_into(text)).splitlines()]

    def value(self, text: str) -> str:
        """Return the one value of a query, or '' when there is no row."""
        rows = self.sql(text)
        return rows[0][0] if rows else ""

    def audited(self) -> list[str]:
        """Return what AUDITORY says, oldest first."""
        return [row[0] for row in self.sql("SELECT action FROM ccrepo.auditory ORDER BY id")]


@asynccontextmanager
async def api_rig(
    mariadb: MariaDB, names: Names, home: Path, policy: Policy | None = None, **settings: Any
) -> AsyncIterator[ApiRig]:
    """Serve on a free port; `settings` as in `[http]`."""
    chosen = {"port": free_port(), "token_rate": 1e6, "address_rate": 1e6, "login_rate": 1e6, **settings}
    http = HttpSection(**chosen)
    steady = SteadyClock()
    local = LocalTime(UTC)
    clock = Clock(
        steady.now, local.at, steady.monotonic, steady.drift, steady.rebase, lambda n: secrets.randbelow(n)
    )
    database = Database(names.settings(mariadb))
    live = LiveDouble()
    clerk = Clerk(database, clock, UploadFolder(home / "uploads"), "test")
    office = Office(
        database=database,
        clock=clock,
        local=local,
        legal=Legal(load_laws(None), {}, UTC),
        live=live,
        new_id=new_attempt_id,
        guard=Guard(database, clock, local, http, policy or Policy()),
        settings=http,
        clerk=clerk,
        recordings=Recordings(http.recordings) if http.recordings else None,
        profiles=PROFILES,
        stream=live_stream(live),
        reach=Reach(http=True, networks=(ip_network("127.0.0.0/8"),)),
    )
    # The real one takes a tenth of a second of a core for each password: test_passwords.py looks at it.
    office.guard.passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    listening = await take_port(http)
    server = HttpServer(
        build(office), http, listening, (office.clerk.run, office.stream.run), office.stream.close
    )
    scheme = "https" if http.tls_certificate else "http"
    try:
        async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as client:
            group.create_task(server.run())
            try:
                yield ApiRig(office, live, mariadb, names, f"{scheme}://127.0.0.1:{server.port}", client)
            finally:
                await client.close()
                server.stop()
    finally:
        listening.close()
        await database.close()
