"""Accounts under attack and under the rules: lockout, expiry, history, sessions, limits, audit, logs."""

from __future__ import annotations

import asyncio
import gzip
import re
import ssl
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from engine.domain.access import Role
from engine.domain.passwords import Policy
from engine.lab.mariadb import MariaDB
from engine.lab.parts import free_port
from tests.api_rig import ApiRig, api_rig
from tests.stage import Names

WORD, NEXT = "Correct-horse-7", "Battery-staple-8"


async def _login(api: ApiRig, user: str, password: str) -> str:
    return (await api.integra("auth/getUserToken", user=user, password=password)).strip('"')


async def _change(api: ApiRig, user: str, old: str, new: str) -> int:
    body = {"user": user, "password": old, "new": new}
    return (await api.ask("POST", "/api/v1/session/password", json=body)).status


@pytest.fixture
async def someone(api: ApiRig, request: pytest.FixtureRequest) -> str:
    """A user of this test alone, with the password WORD."""
    name = f"u{abs(hash(request.node.nodeid)) % 10**9}"
    await api.user(name, Role.SUPERVISOR, password=await api.office.guard.passwords.hash(WORD))
    return name


async def test_wrong_passwords_block_and_an_administrator_unblocks(api: ApiRig, someone: str) -> None:
    boss = await api.user("boss")
    session = await _login(api, someone, WORD)
    for _ in range(5):
        assert await _login(api, someone, "wrong") == "0"
    assert await _login(api, someone, WORD) == "0"
    # Whoever sends wrong passwords ends nobody's work: what was open before goes on.
    assert (await api.ask("GET", "/api/v1/session", session)).status == 200
    assert api.value(f"SELECT state FROM ccdata.users WHERE user='{someone}'") == "blocked"
    assert "account blocked: wrong passwords" in api.audited()
    assert (await api.ask("POST", f"/api/v1/users/{someone}/unlock", boss)).status == 204
    assert len(await _login(api, someone, WORD)) > 40


@pytest.mark.parametrize("how", ["lock", "state='blocked'", "token"])
async def test_a_block_by_a_person_or_of_later_sessions_ends_them(
    api: ApiRig, someone: str, how: str
) -> None:
    boss = await api.user("boss")
    session = await _login(api, someone, WORD)
    for _ in range(5):
        await _login(api, someone, "wrong")
    if how == "lock":
        assert (await api.ask("POST", f"/api/v1/users/{someone}/lock", boss)).status == 204
    elif how == "token":  # one that came into the table although the account was blocked
        api.sql(
            f"UPDATE ccdata.tokens SET made_at=UTC_TIMESTAMP(3) + INTERVAL 1 MINUTE WHERE user='{someone}'"
        )
    else:
        api.sql(f"UPDATE ccdata.users SET {how}, blocked_at=NULL WHERE user='{someone}'")
    api.office.guard.forget()
    assert (await api.ask("GET", "/api/v1/session", session)).status == 401


async def test_a_login_of_nobody_is_in_the_audit(api: ApiRig) -> None:
    for name in ("ghost", "g" * 200):
        assert await _login(api, name, WORD) == "0"
        row = api.sql("SELECT userid, host, action FROM ccrepo.auditory ORDER BY id DESC LIMIT 1")
        assert row == [[name[:80], "127.0.0.1", "login refused: no such user"]]
    body = {"user": "\u0000\U0001f47b", "password": WORD}
    assert (await api.ask("POST", "/api/v1/session", json=body)).status == 401


async def test_a_right_password_in_between_starts_the_count_anew(api: ApiRig, someone: str) -> None:
    for _ in range(3):
        for _ in range(4):
            assert await _login(api, someone, "wrong") == "0"
        assert len(await _login(api, someone, WORD)) > 40


async def test_an_expired_password_is_changed_and_old_ones_do_not_come_back(
    api: ApiRig, someone: str
) -> None:
    api.sql(f"UPDATE ccdata.users SET password_at=UTC_TIMESTAMP() - INTERVAL 91 DAY WHERE user='{someone}';")
    assert await _login(api, someone, WORD) == "0"
    assert await _change(api, someone, "wrong", NEXT) == 401
    assert await _change(api, someone, WORD, "weak") == 422
    assert await _change(api, someone, WORD, WORD) == 422
    assert await _change(api, someone, WORD, NEXT) == 204
    assert len(await _login(api, someone, NEXT)) > 40
    assert await _change(api, someone, NEXT, WORD) == 422
    assert await _login(api, someone, WORD) == "0"


async def test_a_password_that_somebody_else_set_must_be_changed_at_first(api: ApiRig, someone: str) -> None:
    boss = await api.user("boss")
    session = await _login(api, someone, WORD)
    said = await api.ask("POST", f"/api/v1/users/{someone}/password", boss, json={})
    word = said.json()["password"]
    assert (await api.ask("GET", "/api/v1/session", session)).status == 401
    assert await _login(api, someone, word) == "0"
    assert await _change(api, someone, word, NEXT) == 204
    assert len(await _login(api, someone, NEXT)) > 40


@pytest.mark.parametrize(
    "change",
    [
        "state='inactive'",
        "valid_until='2020-01-01'",
        "valid_from='2099-01-01'",
        "login_hours='nonsense'",
        "login_at=UTC_TIMESTAMP() - INTERVAL 91 DAY, enabled_at=UTC_TIMESTAMP() - INTERVAL 91 DAY",
    ],
)
async def test_an_account_that_may_not_be_used_opens_no_session_and_ends_those_it_has(
    api: ApiRig, someone: str, change: str
) -> None:
    session = await _login(api, someone, WORD)
    api.sql(f"UPDATE ccdata.users SET {change} WHERE user='{someone}';")
    assert await _login(api, someone, WORD) == "0"
    api.office.guard.forget()
    assert (await api.ask("GET", "/api/v1/session", session)).status == 401


async def test_a_session_ends_with_its_lifetime_or_when_its_row_goes(api: ApiRig, someone: str) -> None:
    token = await _login(api, someone, WORD)
    api.sql(f"UPDATE ccdata.tokens SET expires_at=UTC_TIMESTAMP() WHERE user='{someone}';")
    for _ in range(600):  # a caller is looked up again within a second
        if (await api.ask("GET", "/api/v1/session", token)).status == 401:
            break
        await asyncio.sleep(0.05)
    assert (await api.ask("GET", "/api/v1/session", token)).status == 401


async def test_users_are_kept_over_http(api: ApiRig) -> None:
    boss = await api.user("boss")
    made = await api.ask(
        "POST", "/api/v1/users", boss, json={"user": "eva", "role": "supervisor", "campaigns": ["SALES<-"]}
    )
    assert made.status == 201
    assert await _change(api, "eva", made.json()["password"], WORD) == 204
    token = await _login(api, "eva", WORD)
    assert (await api.ask("GET", "/api/v1/session", token)).json()["campaigns"] == ["sales<-"]
    change = {"role": "agent", "campaigns": ["HELP<-"], "login_hours": "sun-sat;00:00-23:59"}
    assert (await api.ask("PATCH", "/api/v1/users/eva", boss, json=change)).status == 204
    assert (await api.ask("GET", "/api/v1/session", token)).json()["role"] == "agent"
    (eva,) = [u for u in (await api.ask("GET", "/api/v1/users", boss)).json() if u["user"] == "eva"]
    assert (eva["campaigns"], eva["login_hours"]) == (["HELP<-"], "sun-sat;00:00-23:59")
    assert "password" not in eva
    assert (await api.ask("DELETE", "/api/v1/users/eva/tokens", boss)).json() == {"ended": 1}
    assert (await api.ask("GET", "/api/v1/session", token)).status == 401
    again = await api.ask("POST", "/api/v1/users", boss, json={"user": "EVA", "role": "agent"})
    assert (again.status, again.json()["errors"][0]["field"]) == (422, "user")
    assert (await api.ask("POST", "/api/v1/users/nobody/lock", boss)).status == 404
    bad = await api.ask("PATCH", "/api/v1/users/eva", boss, json={"login_hours": "always"})
    assert (bad.status, bad.json()["errors"][0]["field"]) == (422, "login_hours")
    assert any(row.startswith("user eva made") for row in api.audited())


async def test_the_last_administrator_stays(mariadb: MariaDB, names: Names, home: Path) -> None:
    async with api_rig(mariadb, names, home) as api:
        boss = await api.user("boss")
        assert (await api.ask("POST", "/api/v1/users/boss/lock", boss)).status == 409
        assert (await api.ask("PATCH", "/api/v1/users/boss", boss, json={"role": "agent"})).status == 409
        await api.user("deputy")
        assert (await api.ask("POST", "/api/v1/users/boss/lock", boss)).status == 204
        assert (await api.ask("GET", "/api/v1/session", boss)).status == 401


async def test_who_is_an_administrator_no_more_reaches_what_is_named_alone(api: ApiRig) -> None:
    boss = await api.user("boss")
    for change, left in (({}, []), ({"campaigns": ["A<-"]}, ["a<-"])):
        former = await api.user(f"former{len(left)}")
        path = f"/api/v1/users/former{len(left)}"
        assert (await api.ask("PATCH", path, boss, json={"role": "agent", **change})).status == 204
        assert (await api.ask("GET", "/api/v1/session", former)).json()["campaigns"] == left
    # Other changes of role leave the campaigns as they are.
    token = await api.user("scoped", Role.SUPERVISOR, campaigns=["A<-"])
    assert (await api.ask("PATCH", "/api/v1/users/scoped", boss, json={"role": "agent"})).status == 204
    assert (await api.ask("GET", "/api/v1/session", token)).json()["campaigns"] == ["a<-"]


async def test_too_many_requests_and_too_many_passwords(
    mariadb: MariaDB, api_names: Names, home: Path
) -> None:
    async with api_rig(mariadb, api_names, home, token_rate=1e-3, login_rate=0.3) as api:
        one, two = await api.user("fast"), await api.user("calm")
        assert (await api.ask("GET", "/api/v1/session", one)).status == 200
        said = await api.ask("GET", "/api/v1/session", one)
        assert (said.status, said.headers["Retry-After"]) == (429, "5")
        assert (await api.ask("GET", "/api/v1/session", two)).status == 200
        assert await api.integra("api/AgentLogoff", one, agent="fast") == "0"
        body = {"user": "fast", "password": "x"}
        tried = [(await api.ask("POST", "/api/v1/session", json=body)).status for _ in range(5)]
        assert tried == [401, 401, 401, 429, 429]
        assert await api.integra("auth/UserLogin", user="calm", password="x") == "0"
    async with api_rig(mariadb, api_names, home, address_rate=1e-3) as api:
        assert await api.integra("auth/EndSession", user="a", token="b") == "0"
        assert (await api.ask("GET", "/api/v1/openapi.json")).status == 200
        assert (await api.ask("GET", "/api/v1/session", one)).status == 429


async def test_behind_a_trusted_proxy_the_clients_address_counts_and_nobody_else_can_choose_his(
    mariadb: MariaDB, api_names: Names, home: Path
) -> None:
    body = {"user": "proxied", "password": "x"}

    async def tries(api: ApiRig, first: int) -> list[int]:
        """Try four passwords, each as somebody else says the header."""
        sent = [{"X-Forwarded-For": f"203.0.113.{first + n}"} for n in range(4)]
        return [(await api.ask("POST", "/api/v1/session", json=body, headers=h)).status for h in sent]

    limits = {"login_rate": 1e-3, "port": free_port()}
    async with api_rig(mariadb, api_names, home, **limits, trusted_proxies=["127.0.0.1"]) as api:
        await api.user("proxied", password=await api.office.guard.passwords.hash(WORD))
        assert await tries(api, 1) == [401] * 4
        heard = api.sql("SELECT DISTINCT host FROM ccrepo.auditory WHERE host LIKE '203.0.113.%'")
        assert sorted(row[0] for row in heard) == [f"203.0.113.{n}" for n in range(1, 5)]
        for said in ("203.0.113.1", "198.51.100.7, 203.0.113.1"):
            one = {"X-Forwarded-For": said}
            again = await api.ask("POST", "/api/v1/session", json=body, headers=one)
            assert again.status == 429, "what a client writes before his own address counts nothing"
    for trusted in ([], ["192.0.2.1"]):
        async with api_rig(mariadb, api_names, home, **limits, trusted_proxies=trusted) as api:
            assert (await tries(api, 11))[-1] == 429, "the header of a peer that nobody trusts counts nothing"


async def test_bodies_and_fields_have_limits(api: ApiRig) -> None:
    boss = await api.user("boss")
    limit = api.office.settings.max_body

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(limit // 65536 + 2):
            yield b"a" * 65536

    for body in (BytesIO(b"a=" + b"b" * limit), endless(), b"a=1&" * 500, b"agent=" + b"b" * 70_000):
        try:
            said = await api.ask("POST", "/Integra/resources/api/AgentLogoff", boss, data=body)
        except aiohttp.ClientError:
            continue  # the server did not wait for the rest
        assert (said.status, said.text) == (200, "0")
    for body in (BytesIO(b'{"user": "' + b"b" * limit + b'"}'), endless()):
        try:
            said = await api.ask(
                "POST", "/api/v1/users", boss, data=body, headers={"Content-Type": "application/json"}
            )
        except aiohttp.ClientError:
            continue
        assert said.status == 413
    assert (await api.ask("GET", "/api/v1/session", boss)).status == 200


async def test_a_body_that_is_compressed_or_no_json_is_named(api: ApiRig) -> None:
    boss = await api.user("boss")
    packed = gzip.compress(b'{"user": "a", "role": "agent"}')
    json_type, gzipped = {"Content-Type": "application/json"}, {"Content-Encoding": "gzip"}
    said = await api.ask("POST", "/api/v1/users", boss, data=packed, headers=json_type | gzipped)
    assert (said.status, said.headers["Accept-Encoding"]) == (415, "identity")
    assert await api.integra("Dialers/get", boss) == "[]"
    said = await api.ask("POST", "/Integra/resources/Dialers/get", boss, data=packed, headers=gzipped)
    assert (said.status, said.text) == (200, "0")
    said = await api.ask("POST", "/api/v1/users", boss, data=b'{"user": "a", "role": "agent"}')
    [fault] = said.json()["errors"]
    assert (said.status, fault["field"], "application/json" in fault["fix"]) == (422, "Content-Type", True)


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET /api/v1/session HTT",
        b"POST /Integra/resources/auth/UserLogin HTTP/1.1\r\nHost: a\r\nContent-Le",
    ],
)
async def test_a_client_that_never_finishes_its_head_is_cut(
    mariadb: MariaDB, api_names: Names, home: Path, beginning: bytes
) -> None:
    async with api_rig(mariadb, api_names, home, header_timeout=0.2) as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.office.settings.port)
        writer.write(beginning)
        with pytest.raises((ConnectionResetError, EOFError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


async def test_a_client_that_never_sends_its_body_gets_the_failure(
    mariadb: MariaDB, api_names: Names, home: Path
) -> None:
    async with api_rig(mariadb, api_names, home, body_timeout=0.2) as api:
        boss = await api.user("boss")
        for path, body in (("/Integra/resources/api/AgentLogoff", b"\r\n\r\n0"), ("/api/v1/users", b"408")):
            reader, writer = await asyncio.open_connection("127.0.0.1", api.office.settings.port)
            writer.write(
                f"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {boss}\r\n"
                "Content-Length: 100\r\n\r\nx".encode()
            )
            assert body in await reader.read()
            writer.close()


async def test_tls_by_configuration(mariadb: MariaDB, api_names: Names, home: Path) -> None:
    key, certificate = home / "tls.key", home / "tls.crt"
    process = await asyncio.create_subprocess_exec(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=IP:127.0.0.1", stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0
    async with api_rig(mariadb, api_names, home, tls_certificate=certificate, tls_key=key) as api:
        trust = ssl.create_default_context(cafile=certificate)
        said = await api.ask("POST", "/Integra/resources/auth/UserLogin", data={}, ssl=trust)
        assert (said.status, said.text) == (200, "0")
        assert said.headers["Strict-Transport-Security"] == "max-age=31536000"
        old = ssl.create_default_context(cafile=certificate)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        assert (await api.ask("GET", "/api/v1/session", ssl=old)).status == 401


async def test_nothing_secret_and_no_number_is_logged(
    api: ApiRig, someone: str, capfd: pytest.CaptureFixture[str]
) -> None:
    boss = await api.user("boss")
    token = await _login(api, someone, WORD)
    await _login(api, someone, "Wrong-secret-9")
    await _login(api, "+59899123456", "Wrong-secret-9")
    await api.integra("auth/EndSession", user=someone, token="bm9ib2R5OjU5ODk5MTIzNDU2")
    await api.integra("api/AgentLogoff", boss, agent="59899123456", message="call 59899123456")
    await api.ask("POST", "/api/v1/users/59899123456/lock", boss)
    await api.ask("PATCH", "/api/v1/users/59899123456", boss, json={"role": "59899123456"})
    await api.ask("GET", "/nowhere/59899123456?phone=59899123456")
    said = capfd.readouterr()
    written = said.out + said.err
    assert "api.refused" in written
    for secret in (WORD, "Wrong-secret-9", token, boss, "59899123456", "bm9ib2R5"):
        assert secret not in written
    stored = api.mariadb.sql(
        api.names.put_into(
            "SELECT * FROM ccdata.users; SELECT * FROM ccdata.tokens; SELECT * FROM ccrepo.auditory"
        )
    )
    for secret in (WORD, "Wrong-secret-9", token, boss):
        assert secret not in stored


async def test_the_echoed_password_is_the_same_for_everybody(api: ApiRig, someone: str) -> None:
    said = await api.ask(
        "POST", "/Integra/resources/auth/UserLogin", data={"user": someone, "password": WORD}
    )
    await api.user("twin", Role.SUPERVISOR, password=await api.office.guard.passwords.hash(NEXT))
    other = await api.ask(
        "POST", "/Integra/resources/auth/UserLogin", data={"user": "twin", "password": NEXT}
    )
    assert said.json()[0]["password"] == other.json()[0]["password"]
    assert re.fullmatch(r"[A-Za-z0-9+/=]{24}", said.json()[0]["password"])


async def test_a_lockout_can_be_switched_off(mariadb: MariaDB, api_names: Names, home: Path) -> None:
    async with api_rig(mariadb, api_names, home, Policy(failures=0)) as api:
        await api.user("patient", Role.SUPERVISOR, password=await api.office.guard.passwords.hash(WORD))
        for _ in range(8):
            assert await _login(api, "patient", "wrong") == "0"
        assert len(await _login(api, "patient", WORD)) > 40
