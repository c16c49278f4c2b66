"""Campaigns as JSON: the documented settings under their own names, and what belongs to them besides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from engine.domain.modes import Machines, Recording

Text80 = Annotated[str, Field(max_length=80)]
Text255 = Annotated[str, Field(max_length=255)]
Text1000 = Annotated[str, Field(max_length=1000)]
Text4000 = Annotated[str, Field(max_length=4000)]
Small = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
DialerType = Literal["PowerDialer", "Predictive", "Preview", "Progressive", "VoiceBroadCast"]


class _Given(BaseModel):
    """What a client sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class QueueSettings(_Given):
    """Of the queue: s of after-call work, and s that a caller may wait; the others hold where the engine
    writes Asterisk's queues (docs/steering.md)."""

    wrapuptime: int = Field(0, ge=0, le=86_400)
    queue_timeout: int = Field(600, ge=1, le=86_400)
    strategy: str = Field("rrmemory", max_length=32, examples=["leastrecent", "linear"])
    servicelevel: int = Field(15, ge=0, le=86_400, description="s")
    timeout: int = Field(15, ge=1, le=600, description="s for which a member's phone rings")
    retry: int = Field(3, ge=0, le=600, description="s until the next member is rung")
    maxlen: int = Field(100, ge=0, le=1_000_000, description="Callers who may wait; 0: any number.")
    weight: int = Field(
        0, ge=0, le=1_000_000, description="Of two queues with one member the larger is first."
    )
    ringinuse: bool = False
    joinempty: str = Field("yes", max_length=64)
    leavewhenempty: str = Field("no", max_length=64)
    musiconhold: str = Field("default", max_length=64)


class ModeOptions(_Given):
    """How calls with an agent are made (docs/modes.md)."""

    customer_first: bool = False
    agent_decides: bool = False
    decision_time: int = Field(30, ge=5, le=600, description="s")
    later: int = Field(60, ge=1, le=525_600, description="min")
    machines: Machines = Machines.HANG_UP
    machine_sound: Text255 = ""
    recording: Recording = Recording.NONE


class BroadcastOptions(_Given):
    """What a broadcast says and asks (docs/modes.md)."""

    menu: Text255 = ""
    wait: int = Field(5, ge=1, le=60, description="s")
    again: int = Field(0, ge=0, le=5)
    survey: Text1000 = ""
    consent: bool = False
    record: int = Field(0, ge=0, le=60, description="s")
    tts: Annotated[str, Field(max_length=2000)] = ""


class LawOptions(_Given):
    """What the campaign adds to the law (docs/law.md)."""

    law: Annotated[str, Field(max_length=32)] = ""
    cap_calls: int | None = Field(None, ge=1, le=1000)
    cap_hours: float | None = Field(None, gt=0, le=8784)
    rest_hours: float | None = Field(None, ge=0, le=8784)
    consent: Literal["", "prerecorded", "always"] = ""
    holidays: bool = False


class CampaignPatch(_Given):
    """What is to change; what is not named stays. Columns as in docs/steering.md. A part given as null is
    as it was at first."""

    schedule: Text1000 | None = None
    dialertype: DialerType | None = None
    dialstring: Annotated[str, Field(max_length=128)] | None = None
    context: Text80 | None = None
    exten: Text80 | None = None
    am: bool | None = None
    sound: Text1000 | None = None
    maxchannels: Annotated[int, Field(ge=0, le=100_000)] | None = None
    variables: Text4000 | None = None
    timeout: Annotated[int, Field(ge=1, le=600)] | None = None
    callerid: Text1000 | None = None
    retries: Annotated[int, Field(ge=0, le=1000)] | None = None
    callerpres: Small | None = None
    tbc: Annotated[int, Field(ge=-10_000, le=86_400_000)] | None = None
    dncr: bool | None = None
    schedulephones: Annotated[str, Field(max_length=500)] | None = None
    autoanswer: bool | None = None
    tbc_nocontact: Annotated[int, Field(ge=0, le=525_600)] | None = None
    earlymedia: bool | None = None
    recyclecount: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    recycle: Text4000 | None = None
    country: Annotated[str, Field(max_length=16)] | None = None
    rule: Annotated[str, Field(max_length=32)] | None = None
    autoconvertcallerid: bool | None = None
    queue: QueueSettings | None = None
    options: ModeOptions | None = None
    broadcast: BroadcastOptions | None = None
    law: LawOptions | None = None

    def values(self) -> dict[str, Any]:
        """Return what was given, as the columns hold it."""
        given = self.model_dump(exclude_unset=True)
        parts = {"queue", "options", "broadcast", "law"}
        return {name: value for name, value in given.items() if value is not None or name in parts}


class CampaignNew(CampaignPatch):
    """A campaign to be made, switched off at first; what is not named has the documented defaults."""

    campaign: str = Field(pattern=r"^[\w .<>-]{1,128}$", description="Name of dialer and queue.")
    dialstring: Annotated[str, Field(min_length=1, max_length=128)]
    callerid: Text1000 | None = None

    def values(self) -> dict[str, Any]:
        """Return what was given, without the name."""
        return {name: value for name, value in super().values().items() if name != "campaign"}


class CampaignOut(BaseModel):
    """A campaign with all its settings. A part that is null has its defaults."""

    campaign: str
    enabled: bool
    paused: bool = Field(description="No new calls until it is started; calls that are up go on.")
    schedule: str
    dialertype: str
    dialstring: str
    context: str
    exten: str
    am: bool
    sound: str
    maxchannels: int
    variables: str
    timeout: int
    callerid: str
    retries: int
    callerpres: int
    tbc: int
    dncr: bool
    schedulephones: str
    autoanswer: bool
    tbc_nocontact: int
    earlymedia: bool
    recyclecount: int
    recycle: str
    country: str
    rule: str
    autoconvertcallerid: bool
    queue: dict[str, Any] | None
    options: dict[str, Any] | None
    broadcast: dict[str, Any] | None
    law: dict[str, Any] | None


def _utc(value: Any) -> Any:
    """Our own columns hold UTC without a zone."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


#: The first and the last moment that every zone can tell.
_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)


def _told(value: datetime) -> datetime:
    """Some libraries write the calendar's ends for "always" and "never"."""
    return value if value.tzinfo is None else min(max(value, _FIRST), _LAST)


#: A moment that a client gives; and one that is the server's local time when it has no zone.
Given = Annotated[AwareDatetime, AfterValidator(_told)]
GivenLocal = Annotated[datetime, AfterValidator(_told)]
#: A moment of one of our own columns; and one of a documented column, which has no zone: the server's.
Moment = Annotated[datetime, BeforeValidator(_utc)]
LocalMoment = Annotated[
    datetime, WithJsonSchema({"type": "string", "description": "Local time of the server."})
]


class CampaignLine(BaseModel):
    """A campaign in a list. `state` is null while no engine has seen it."""

    campaign: str
    dialertype: str
    enabled: bool
    country: str
    state: str | None
    reason: str | None
    since: Moment | None
    updated_at: Moment | None


class Seats(BaseModel):
    """Seats by state."""

    ready: int = 0
    ringing: int = 0
    talking: int = 0
    wrapup: int = 0
    paused: int = 0


class Calls(BaseModel):
    """Calls under way: not answered yet, waiting for an agent, channels in use."""

    dialling: int = 0
    waiting: int = 0
    channels: int = 0


class StateOut(BaseModel):
    """What a campaign is doing. `live`: from the engine that answers; else as written at `updated_at`.

    `bound`: what kept the last decision from more calls; `reason` says it in words.
    """

    campaign: str
    state: str
    live: bool
    since: Moment
    updated_at: Moment
    field: str = ""
    reason: str = ""
    bound: str = ""
    calls: int = 0
    overdial: int = Field(0, description="%")
    seats: Seats
    under_way: Calls


class DecisionOut(BaseModel):
    """One pacing decision: how many calls it placed, what kept it from more, and the numbers behind it."""

    decided_at: Moment
    calls: int
    bound: str
    reason: str
    numbers: dict[str, float]


class SwitchIn(_Given):
    """Why a campaign is switched; people see it."""

    reason: Text255 = ""


class SwitchOut(BaseModel):
    """What was asked for; the engine takes it over within two seconds."""

    campaign: str
    wanted: Literal["running", "stopped", "paused"]


class PaceIn(_Given):
    """The pace: exactly one of the first four, and the channels where they change, too.

    `overdial`: % more calls than free agents (PowerDialer); `adaptive`: worked out at every event from the
    answer rate and the abandonment budget (PowerDialer); `target`: % of abandoned calls aimed at, at most the
    law's (Predictive); `gap`: ms between calls.
    """

    overdial: int | None = Field(None, ge=2, le=10_000)
    adaptive: Literal[True] | None = None
    target: int | None = Field(None, ge=1, le=100)
    gap: int | None = Field(None, ge=0, le=86_400_000)
    maxchannels: int | None = Field(None, ge=0, le=100_000)


class PaceOut(BaseModel):
    """The pace as it stands; what the way of dialling does not use is null."""

    overdial: int | None = None
    adaptive: bool = False
    target: int | None = None
    gap: int | None = None
    maxchannels: int
