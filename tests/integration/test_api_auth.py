"""Logging in and out by the documented endpoints, over a real server and a real database."""

from __future__ import annotations

import base64
import re

import pytest

from engine.domain.access import Role
from tests.api_rig import ApiRig

WORD = "Correct-horse-7"


async def test_supervisor_without_phone_finds_the_token_third(api: ApiRig) -> None:
    await api.user("Admin", Role.ADMINISTRATOR, password=await api.office.guard.passwords.hash(WORD))
    said = await api.ask(
        "POST", "/Integra/resources/auth/UserLogin", data={"user": "Admin", "password": WORD}
    )
    user, group, token = said.json()
    assert list(user) == ["userid", "password", "idgroup", "enabled", "lastchange"]
    assert list(group) == [
        "idgroup", "containers", "queues", "bigroups", "description",
        "allowdownloads", "managedialers", "managequality",
    ]  # fmt: skip
    assert user["userid"] == "Admin"
    assert user["enabled"] is True
    assert re.fullmatch(r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M", user["lastchange"])
    assert group["managedialers"] == 1
    assert re.fullmatch(r"Admin:[0-9a-f-]{36}", base64.b64decode(token).decode())
    assert token not in api.mariadb.sql(api.names.put_into("SELECT * FROM ccdata.tokens"))
    assert (await api.ask("GET", "/api/v1/session", token)).json()["user"] == "Admin"
    assert await api.integra("auth/EndSession", user="Admin", token=token) == "1"
    assert await api.integra("auth/EndSession", user="Admin", token=token) == "0"
    assert (await api.ask("GET", "/api/v1/session", token)).status == 401


async def test_get_user_token_is_quoted_and_fails_quoted(api: ApiRig) -> None:
    await api.user("Robot", Role.INTEGRATION, password=await api.office.guard.passwords.hash(WORD))
    token = await api.integra("auth/getUserToken", user="Robot", password=WORD)
    assert re.fullmatch(r'"[A-Za-z0-9+/=]+"', token)
    assert (await api.ask("GET", "/api/v1/session", token.strip('"'))).json()["role"] == "integration"
    assert await api.integra("auth/getUserToken", user="Robot", password="wrong") == '"0"'


async def test_who_has_a_phone_finds_the_token_in_md5secret_or_token(api: ApiRig) -> None:
    await api.user(
        "Carina", Role.SUPERVISOR, phone="1997", password=await api.office.guard.passwords.hash(WORD)
    )
    said = await api.ask(
        "POST", "/Integra/resources/auth/UserLogin", data={"user": "Carina", "password": WORD}
    )
    token = said.json()[2]["md5secret"]
    assert (await api.ask("GET", "/api/v1/session", token)).json()["phones"] == ["1997"]
    agent = await api.ask(
        "POST", "/Integra/resources/auth/AgentLogin", data={"agent": "Carina", "password": WORD}
    )
    phone = agent.json()
    assert phone["name"] == phone["defaultuser"] == phone["callerid"] == "1997"
    assert phone["accountcode"] == "Carina"
    assert re.fullmatch(r"[0-9a-f]{32}", phone["md5secret"])
    assert phone["secret"] == ""
    assert phone["limite"] == 0
    assert await api.integra("api/AgentLogoff", phone["token"], agent="Carina") == "Success"
    for ended in (token, phone["token"]):
        assert (await api.ask("GET", "/api/v1/session", ended)).status == 401


async def test_agents_log_off_nobody_else(api: ApiRig) -> None:
    agent = await api.user("ann", Role.AGENT, phone="201")
    other = await api.user("bob", Role.AGENT, phone="202")
    assert await api.integra("api/AgentLogoff", agent, agent="bob") == "0"
    assert (await api.ask("GET", "/api/v1/session", other)).status == 200
    assert await api.integra("api/AgentLogoff", agent, agent="ann") == "Success"


async def test_who_reaches_some_campaigns_logs_off_their_agents_only(api: ApiRig) -> None:
    lead = await api.user("lead", Role.SUPERVISOR, campaigns=["A<-"])
    mine = await api.user("mine", Role.AGENT, campaigns=["A<-", "B<-"])
    theirs = await api.user("theirs", Role.AGENT, campaigns=["B<-"])
    assert await api.integra("api/AgentLogoff", lead, agent="theirs") == "0"
    assert (await api.ask("GET", "/api/v1/session", theirs)).status == 200
    assert await api.integra("api/AgentLogoff", lead, agent="mine") == "Success"
    assert (await api.ask("GET", "/api/v1/session", mine)).status == 401


@pytest.mark.parametrize("fields", [{}, {"user": "nobody", "password": WORD}, {"user": "x" * 5000}])
async def test_who_is_unknown_gets_the_documented_failure(api: ApiRig, fields: dict[str, str]) -> None:
    assert await api.integra("auth/UserLogin", **fields) == "0"
