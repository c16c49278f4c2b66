"""`queues/…` and `sip/…`: campaigns, their members, agents with their phones."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import orjson

from engine.adapters.hashing import TooBusyError
from engine.adapters.mysql import campaigns, orders, phones, users
from engine.adapters.mysql.database import Session
from engine.api.guard import TooMany
from engine.api.integra.form import Form
from engine.api.integra.route import Answer, Route, json, json_key, no_campaign, text
from engine.api.office import Office
from engine.domain.access import Caller, Right, Role
from engine.domain.integra.people import NewPhone, member_order, read_members, read_sip
from engine.domain.passwords import check_password

#: Of SIP passwords: what Asterisk's `ps_auths` view says, too (migrations/0012_integra.sql).
REALM = "asterisk"


async def getqueues(office: Office, caller: Caller, form: Form) -> Answer:
    """Return every campaign that the caller may see, dialers and queues."""
    found = await office.database.transaction(campaigns.all_campaigns)
    return json([row for row in found if caller.scope.reaches(str(row["name"]))])


async def add_queue_member(office: Office, caller: Caller, form: Form) -> Answer:
    """Make agents members of campaigns: all that the array names, or none."""
    members = read_members(form.required("queuemember"))

    async def work(session: Session) -> None:
        await campaigns.add_members(session, members)
        for member in members:
            await orders.place(session, member_order(member))

    await office.database.transaction(work)
    for agent in {member.agent for member in members}:
        office.guard.forget(agent)
    return text("1")


async def add_sip(office: Office, caller: Caller, form: Form) -> Answer:
    """Make an agent: his phone for Asterisk and his account for AgentLogin, both with the given password.

    The password itself is kept nowhere: Asterisk gets its SIP digest, the account its argon2id hash.
    """
    phone = read_sip(_object(form))
    check_password(office.guard.policy, phone.secret, phone.user)
    digest = hashlib.md5(
        f"{phone.extension}:{REALM}:{phone.secret}".encode(), usedforsecurity=False
    ).hexdigest()
    try:
        hashed = await office.guard.passwords.hash(phone.secret)
    except TooBusyError as error:
        raise TooMany from error
    now = office.clock.now()

    async def work(session: Session) -> None:
        known = await users.find(session, phone.user)
        if known is None:
            own = users.NewUser(phone.user, Role.AGENT, hashed, (), must_change=False)
            await users.add(session, replace(own, fullname=phone.fullname), now)
        await phones.add(session, _row(phone, digest))

    await office.database.transaction(work)
    return text("1")


def _row(phone: NewPhone, digest: str) -> phones.NewPhone:
    options = orjson.dumps({key: _typed(key, value) for key, value in phone.options.items()}).decode()
    return phones.NewPhone(phone.extension, phone.user, phone.fullname, digest, options)


def _typed(key: str, value: str) -> str | int:
    """AgentLogin shows some as numbers that addsip takes as text."""
    return int(value) if isinstance(phones.DEFAULTS.get(key), int) and value.isdecimal() else value


def _members(form: Form) -> str:
    named = {f"{member.agent} in {member.queue}" for member in read_members(form.required("queuemember"))}
    return "addqueuemember " + ", ".join(sorted(named))[:1500]


def _object(form: Form) -> str:
    """The page's table writes the field's name with a capital, its samples without."""
    return form.get("phone") or form.required("Phone")


def _phone(form: Form) -> str:
    phone = read_sip(_object(form))
    return f"addsip extension={phone.extension!r} agent={phone.user!r}"


ROUTES = (
    Route("Integra/resources/queues/getqueues", Right.WATCH, getqueues, no_campaign, None),
    Route(
        "Integra/resources/queues/addqueuemember",
        Right.MANAGE,
        add_queue_member,
        json_key("queuemember", "queueName"),
        _members,
    ),
    Route("Integra/resources/sip/addsip", Right.MANAGE, add_sip, no_campaign, _phone),
)
