"""`auth/…` and `api/AgentLogoff`: sessions in, sessions out."""

from __future__ import annotations

from typing import Any

from engine.adapters.mysql import phones, users
from engine.api import accounts
from engine.api.guard import Forbidden
from engine.api.integra.dates import us_date
from engine.api.integra.form import Form
from engine.api.integra.route import Answer, Route, json, no_campaign, says, text
from engine.api.office import Office
from engine.domain.access import Caller, Right, Role
from engine.domain.errors import Refused

#: What the documented service calls a user's role.
_GROUPS = {
    Role.ADMINISTRATOR: ("SuperUser", "Administrators"),
    Role.SUPERVISOR: ("Supervisor", "Supervisors"),
    Role.INTEGRATION: ("Integration", "Programs"),
    Role.AGENT: ("Agent", "Agents"),
}
#: The documented echo of the stored password: the same for everybody.
NOTHING = "AAAAAAAAAAAAAAAAAAAAAA=="


async def user_login(office: Office, caller: Caller, form: Form) -> Answer:
    """Return the documented list; where the token is depends on whether the user has a phone."""
    user = await accounts.log_in(office, form.required("user"), form.get("password"), caller.host)
    phone = await office.database.transaction(lambda s: phones.of_user(s, user.name))
    token = await office.guard.open_session(user, caller.host)
    group, description = _GROUPS[user.role]
    head: dict[str, Any] = {
        "userid": user.name,
        "password": NOTHING,
        "idgroup": group,
        "enabled": True,
        "lastchange": us_date(office.local.naive(user.account.password_at)),
    }
    rights: dict[str, Any] = {
        "idgroup": group,
        "containers": "",
        "queues": "" if "*" in user.campaigns else ",".join(user.campaigns),
        "bigroups": "",
        "description": description,
        "allowdownloads": int(caller_may(user, Right.LISTEN)),
        "managedialers": int(caller_may(user, Right.STEER)),
        "managequality": int(caller_may(user, Right.WATCH)),
    }
    if phone is not None:
        return json([head, rights, phones.shown(phone, form.server) | {"md5secret": token}])
    return json([head, rights, token])


def caller_may(user: users.User, right: Right) -> bool:
    """Has the user this right?"""
    return user.caller("").may(right)


async def end_session(office: Office, caller: Caller, form: Form) -> Answer:
    """End the session whose token is given in the form."""
    token = form.required("token").replace(" ", "+")  # a '+' that was not encoded
    if not await office.guard.end_session(token, form.required("user"), caller.host):
        raise Refused("no such session")
    return text("1")


async def get_user_token(office: Office, caller: Caller, form: Form) -> Answer:
    """Return a token in quotes."""
    user = await accounts.log_in(office, form.required("user"), form.get("password"), caller.host)
    return json(await office.guard.open_session(user, caller.host))


async def agent_login(office: Office, caller: Caller, form: Form) -> Answer:
    """Return the agent's phone with a token in it; who has no phone is no agent."""
    user = await accounts.log_in(office, form.required("agent"), form.get("password"), caller.host)
    phone = await office.database.transaction(lambda s: phones.of_user(s, user.name))
    if phone is None:
        raise Refused("the user has no phone")
    token = await office.guard.open_session(user, caller.host)
    return json(phones.shown(phone, form.server) | {"token": token})


async def agent_logoff(office: Office, caller: Caller, form: Form) -> Answer:
    """End all sessions of an agent or user."""
    name = form.required("agent")
    user = await office.database.transaction(lambda s: users.find(s, name))
    if user is None:
        raise Refused("no such user")
    if user.role is not Role.AGENT and not caller.is_me(user.name) and not caller.may(Right.USERS):
        raise Refused("only an administrator logs off users who are no agents")
    mine = caller.is_me(user.name) or caller.scope.everything or caller.may(Right.USERS)
    if not mine and not any(caller.scope.reaches(campaign) for campaign in user.campaigns):
        raise Forbidden
    await office.database.transaction(lambda s: users.drop_tokens(s, user.name))
    office.guard.forget(user.name)
    return text("Success")


ROUTES = (
    Route("Integra/resources/auth/UserLogin", Right.OPEN, user_login, no_campaign, None),
    Route("Integra/resources/auth/EndSession", Right.OPEN, end_session, no_campaign, None),
    Route(
        "Integra/resources/auth/getUserToken", Right.OPEN, get_user_token, no_campaign, None, failure='"0"'
    ),
    Route("Integra/resources/auth/AgentLogin", Right.OPEN, agent_login, no_campaign, None),
    Route(
        "Integra/resources/api/AgentLogoff",
        Right.KNOWN,
        agent_logoff,
        no_campaign,
        says("AgentLogoff", "agent", "interface", "message"),
        own=("agent",),
    ),
)
