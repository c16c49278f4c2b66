"""`api/DispositionCall` and `admin/…`: how calls ended, flows, the black list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.adapters.mysql import contacts, dispositions, recordings
from engine.adapters.mysql.database import Session
from engine.api.guard import Forbidden
from engine.api.integra import ordering
from engine.api.integra.fields import fields
from engine.api.integra.form import Form
from engine.api.integra.route import Answer, Route, json_key, no_campaign, says, text
from engine.api.office import Office
from engine.domain.access import Caller, Right, Role
from engine.domain.integra.calls import read_disposition, read_workflow
from engine.domain.integra.contacts import read_black

_DISPOSITION = (
    "campaign", "agent", "callerid", "guid", "l1", "l2", "l3", "d1", "d2", "comment", "schedule",
    "camptoreschedule", "tag",
)  # fmt: skip


async def disposition_call(office: Office, caller: Caller, form: Form) -> Answer:
    """Note how a call ended and do what the disposition does with the contact.

    A request with a field of the newer page is answered as that page says (`"OK"`), others with `1`.
    """
    wish = read_disposition(fields(form, *_DISPOSITION))

    async def work(session: Session) -> None:
        call = await recordings.whose(session, wish.guid)
        # An agent speaks of calls that there are or were; his own by click to call is known from its order.
        if call is None and caller.role is Role.AGENT:
            raise Forbidden
        if call is not None and not caller.reaches(*call):
            raise Forbidden
        await dispositions.dispose(session, wish, office.clock.now(), office.local)

    await office.database.transaction(work)
    return text('"OK"' if wish.quoted else "1")


def _its_campaigns(form: Form) -> Iterable[str]:
    return form.get("campaign"), form.get("camptoreschedule")


async def call_workflow(office: Office, caller: Caller, form: Form) -> Answer:
    """Start a flow of the dialplan with the data as channel variables. A flow is of no campaign: it is for
    who reaches all of them."""
    if not caller.scope.everything:
        raise Forbidden
    await ordering.carry_out(office, read_workflow(fields(form, "context", "extension", "jsonparams")))
    return text("OK")


async def add_black(office: Office, caller: Caller, form: Form) -> Answer:
    """Put a number on the black list, of one campaign or ('*') of all."""
    entry = read_black(form.required("black"))
    entry = replace(entry, username=entry.username or caller.user)
    now = office.clock.now()
    await office.database.transaction(lambda s: contacts.black_list(s, entry, now, office.local))
    return text("1")


ROUTES = (
    Route(
        "Integra/resources/api/DispositionCall",
        Right.CALL,
        disposition_call,
        _its_campaigns,
        says(
            "DispositionCall", "campaign", "agent", "guid", "l1", "l2", "l3", "schedule", "camptoreschedule"
        ),
        own=("agent",),
        failure='"0"',
    ),
    Route(
        "Integra/resources/admin/CallWorkflow",
        Right.LOAD,
        call_workflow,
        no_campaign,
        says("CallWorkflow", "context", "extension"),
    ),
    Route(
        "Integra/resources/admin/addblack",
        Right.LOAD,
        add_black,
        json_key("black", "campaign"),
        says("addblack", "black"),
    ),
)
