"""`Agents/…`: click to call, hang-up in both spellings, tags of recordings."""

from __future__ import annotations

from engine.adapters.mysql import dispositions, recordings
from engine.adapters.mysql.database import Session
from engine.api.desks import may_ring, sits
from engine.api.guard import Forbidden
from engine.api.integra import ordering
from engine.api.integra.fields import fields
from engine.api.integra.form import Form
from engine.api.integra.route import Answer, Route, field, no_campaign, says, text
from engine.api.office import Office
from engine.domain.access import Caller, Right, Role
from engine.domain.integra.calls import read_agent_call, read_hang_up, read_tag


async def agent_call(office: Office, caller: Caller, form: Form) -> Answer:
    """Call the agent's phone, then the destination; the guid of the call is known at once."""
    row = read_agent_call(
        fields(form, "callerid", "agent", "phone", "tech", "context", "outqueue", "destination")
    )
    # A sample has the agent's name inside another field.
    if caller.role is Role.AGENT and not caller.is_me(str(row["agent"])):
        raise Forbidden
    await may_ring(office, caller, str(row["agent"]), str(row["phone"]), str(row["context"]))
    return text(await ordering.place_call(office, row))


async def hang_up_phone(office: Office, caller: Caller, form: Form) -> Answer:
    """Hang up whatever the agent's phone is on; a phone that is on nothing is an error."""
    row = read_hang_up(fields(form, "phone"))
    await _check_phone(office, caller, str(row["phone"]))
    await ordering.carry_out(office, row)
    return text("1")


async def _check_phone(office: Office, caller: Caller, extension: str) -> None:
    """Who does not reach every campaign reaches the phones that sit in his, and his own."""
    if caller.scope.everything or caller.is_me(extension) or await sits(office, caller, extension):
        return
    raise Forbidden


async def tag_record(office: Office, caller: Caller, form: Form) -> Answer:
    """Tag a call; the documented answer is empty. A call whose record is not written yet gets it then."""
    tag = read_tag(fields(form, "phone", "guid", "data"))

    async def work(session: Session) -> None:
        call = await recordings.whose(session, tag.guid)
        if not (caller.scope.everything if call is None else caller.reaches(*call)):
            raise Forbidden
        await dispositions.tag_record(session, tag, caller.user, office.clock.now(), office.local)

    await office.database.transaction(work)
    return text("")


def _hang_up(spelling: str) -> Route:
    return Route(
        f"Integra/resources/Agents/{spelling}",
        Right.CALL,
        hang_up_phone,
        no_campaign,
        says(spelling, "phone"),
        own=("phone",),
    )


ROUTES = (
    Route(
        "Integra/resources/Agents/AgentCall",
        Right.CALL,
        agent_call,
        field("outqueue"),
        says("AgentCall", "agent", "phone", "outqueue", "destination"),
        own=("agent", "phone"),
    ),
    _hang_up("HungupPhone"),
    _hang_up("HangupPhone"),
    Route(
        "Integra/resources/Agents/TagRecord",
        Right.CALL,
        tag_record,
        no_campaign,
        says("TagRecord", "guid"),
    ),
)
