"""`/api/v1/webhooks`: which endpoints hear of what; dead letters and replays (docs/webhooks.md)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.adapters.mysql import campaigns
from engine.adapters.mysql import webhooks as tables
from engine.adapters.mysql.database import Session
from engine.api.v1.campaign_models import Given, Moment
from engine.api.v1.gate import Asking, InOffice, needs, reach
from engine.api.v1.paging import Cursor, Limit, Page, paged, read_cursor
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Caller, Right
from engine.domain.errors import FieldError
from engine.domain.webhooks import Kind

router = APIRouter(route_class=Resource, prefix="/webhooks", tags=["webhooks"])


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WebhookNew(_Given):
    """An endpoint that wants to hear. Without `events` it hears of everything."""

    campaign: str = Field("*", min_length=1, max_length=128)
    url: str = Field(min_length=1, max_length=2000)
    events: tuple[Kind, ...] = Field((), max_length=10)
    masked: bool = Field(False, description="Send only the last three digits of phone numbers.")
    secret: str = Field("", max_length=100, description="whsec_…; without one it is made here.")


class WebhookPatch(_Given):
    """What is to change; `enabled` = true also clears why the engine switched it off."""

    url: str | None = Field(None, min_length=1, max_length=2000)
    events: tuple[Kind, ...] | None = Field(None, max_length=10)
    masked: bool | None = None
    enabled: bool | None = None


class WebhookOut(BaseModel):
    """A subscription. `waiting`: deliveries that were not made yet; `dead`: events that could not be
    delivered; `reason`: why the engine switched it off."""

    id: int
    campaign: str
    url: str
    events: list[str]
    masked: bool
    enabled: bool
    reason: str
    waiting: int
    dead: int


class WebhookMade(WebhookOut):
    """A new subscription with its secret, which is not shown again."""

    secret: str


class SecretOut(BaseModel):
    """The new secret, which is not shown again; for 24 hours deliveries carry both signatures."""

    secret: str


class TestOut(BaseModel):
    """The event that is on its way."""

    event: str


class DeadLetter(BaseModel):
    """An event that could not be delivered."""

    id: int
    webhook: int
    event: str
    kind: str
    campaign: str
    attempts: int
    last_status: int | None
    last_error: str
    happened_at: Moment
    died_at: Moment


class ReplayIn(_Given):
    """What is sent anew besides dead letters: what was delivered since a moment; or these events alone."""

    since: Given | None = None
    events: tuple[str, ...] = Field((), max_length=500)


class ReplayOut(BaseModel):
    """How many events are on their way."""

    events: int


def _out(hook: tables.Webhook) -> dict[str, Any]:
    plain = {name: getattr(hook, name) for name in WebhookOut.model_fields if name != "events"}
    return {**plain, "events": list(Kind) if hook.events == "*" else hook.events.split(",")}


def _kinds(events: tuple[Kind, ...]) -> str:
    return ",".join(events) or "*"


async def _mine(session: Session, caller: Caller, webhook: int) -> tables.Webhook:
    try:
        hook = await tables.get(session, webhook)
    except FieldError as error:
        raise NotFound("There is no such webhook.") from error
    reach(caller, hook.campaign)
    return hook


@router.get("")
@needs(Right.MANAGE)
async def webhooks(caller: Asking, office: InOffice) -> list[WebhookOut]:
    """List the subscriptions of your campaigns."""
    hooks = await tables.listing(office.database)
    return [WebhookOut(**_out(hook)) for hook in hooks if caller.scope.reaches(hook.campaign)]


@router.post("", status_code=201)
@needs(Right.MANAGE)
async def subscribe(caller: Asking, office: InOffice, wish: WebhookNew, response: Response) -> WebhookMade:
    """Let an endpoint hear of a campaign, or ('*') of all."""
    reach(caller, wish.campaign)
    asked = tables.Subscription(wish.campaign, wish.url, _kinds(wish.events), wish.masked, wish.secret)

    async def work(session: Session) -> WebhookMade:
        if wish.campaign != "*":
            await campaigns.check(session, wish.campaign, "campaign")
        made, secret = await tables.subscribe(session, asked, office.reach)
        return WebhookMade(**_out(await tables.get(session, made)), secret=secret)

    answer = await office.database.transaction(work)
    response.headers["Location"] = f"/api/v1/webhooks/{answer.id}"
    return answer


@router.get("/dead-letters")
@needs(Right.MANAGE)
async def dead_letters(
    caller: Asking,
    office: InOffice,
    webhook: int | None = Query(None, ge=1),
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[DeadLetter]:
    """List events that could not be delivered, the newest first."""
    if webhook is None:
        reach(caller, "*")
    else:
        hook = webhook
        await office.database.transaction(lambda s: _mine(s, caller, hook))
    before = read_cursor(cursor, int) or (0,)
    rows = await office.database.transaction(
        lambda s: tables.dead_letters(s, webhook, int(before[0]), limit + 1)
    )
    return Page(items=[DeadLetter.model_validate(row) for row in rows[:limit]], next=paged(rows, limit, "id"))


@router.get("/{webhook}")
@needs(Right.MANAGE)
async def webhook_of(caller: Asking, office: InOffice, webhook: int) -> WebhookOut:
    """Show one subscription."""
    return WebhookOut(**_out(await office.database.transaction(lambda s: _mine(s, caller, webhook))))


@router.patch("/{webhook}")
@needs(Right.MANAGE)
async def change(caller: Asking, office: InOffice, webhook: int, wish: WebhookPatch) -> WebhookOut:
    """Change a subscription, switch it on or off. Off: it hears of nothing new, and what waits does so."""

    async def work(session: Session) -> tables.Webhook:
        await _mine(session, caller, webhook)
        return await tables.change(
            session,
            webhook,
            office.reach,
            url=wish.url,
            events=None if wish.events is None else _kinds(wish.events),
            masked=wish.masked,
            enabled=wish.enabled,
        )

    return WebhookOut(**_out(await office.database.transaction(work)))


@router.delete("/{webhook}", status_code=204)
@needs(Right.MANAGE)
async def unsubscribe(caller: Asking, office: InOffice, webhook: int) -> None:
    """Remove a subscription and what waits for it."""

    async def work(session: Session) -> None:
        await _mine(session, caller, webhook)
        await tables.unsubscribe(session, webhook)

    await office.database.transaction(work)


@router.post("/{webhook}/secret", status_code=201)
@needs(Right.MANAGE)
async def rotate(caller: Asking, office: InOffice, webhook: int) -> SecretOut:
    """Give a subscription a new secret."""

    async def work(session: Session) -> SecretOut:
        await _mine(session, caller, webhook)
        return SecretOut(secret=await tables.rotate(session, webhook, office.clock.now()))

    return await office.database.transaction(work)


@router.post("/{webhook}/test", status_code=202)
@needs(Right.MANAGE)
async def test(caller: Asking, office: InOffice, webhook: int) -> TestOut:
    """Send an endpoint an event that says nothing."""

    async def work(session: Session) -> TestOut:
        await _mine(session, caller, webhook)
        return TestOut(event=await tables.probe(session, webhook, office.clock.now()))

    return await office.database.transaction(work)


@router.post("/{webhook}/replay", status_code=202)
@needs(Right.MANAGE)
async def replay(caller: Asking, office: InOffice, webhook: int, wish: ReplayIn | None = None) -> ReplayOut:
    """Send an endpoint its dead letters anew, each with the id that it had."""
    await office.database.transaction(lambda s: _mine(s, caller, webhook))
    asked = wish or ReplayIn()
    return ReplayOut(events=await tables.replay(office.database, webhook, asked.since, asked.events))
