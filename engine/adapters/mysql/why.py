"""Why is this contact (not) called? Everything that stands in its way now, and when each ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.adapters.legal import Legal
from engine.adapters.mysql.blacklists import contact_key
from engine.adapters.mysql.compliance import Inquiry, campaign_law
from engine.adapters.mysql.database import Database, Session
from engine.adapters.mysql.outlook import prospects
from engine.adapters.places import place_of
from engine.domain.errors import FieldError
from engine.domain.law.prospect import SCHEDULED
from engine.domain.localtime import LocalTime
from engine.domain.phones import known_digits
from engine.domain.schedule import parse_schedule
from engine.domain.settings import active_lists, read_contact
from engine.ports.survey import Source

#: So many contacts and so many attempts are told of.
_MOST, _CALLS = 20, 5
_SCHEDULED = (
    "SELECT * FROM ccdata.calls_scheduler FORCE INDEX"
    " (calls_scheduler_destination) WHERE destination IN ({}) ORDER BY calldate LIMIT 5"
)
_ROWS = f"SELECT * FROM ccdata.calls_spool WHERE {{}} LIMIT {_MOST}"
_LAST = (
    "SELECT campaign, destination, claimed_at, state, outcome, agent, next_step FROM ccdata.attempts"
    f" WHERE {{}} ORDER BY claimed_at DESC LIMIT {_CALLS}"
)
_DIALER = (
    "SELECT d.status, d.schedule, d.dialertype, s.state, s.reason FROM ccdata.dialers d LEFT JOIN"
    " ccdata.campaign_state s ON s.campaign = d.campaign WHERE d.campaign=%s"
)
#: In these an agent is reserved first, and a contact that is bound to one waits for him.
_FOR_AGENTS = ("preview", "progressive")


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing in the way. `rule`: as in held_contacts.held_by; `until`: UTC, None = not by itself."""

    rule: str
    text: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of the spool and what keeps it from being called.

    `opens`: the first moment (UTC) at which all that ends by itself has ended; None while something does
    not. With no reasons it waits for its turn alone.
    """

    id: int
    campaign: str
    list: str
    destination: str
    contact: str
    priority: int
    agent: str
    calling: bool
    reasons: tuple[Reason, ...]
    opens: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a number or contact stands: `kind` is opt_out, black_list, temporary, consent or withdrawn;
    `since` and `until` as in the tables; `by`: who or what put it there."""

    kind: str
    campaign: str
    since: datetime | None
    until: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A scheduled call; `at` is local time of the server. `reason`: what the law says of it beside its time;
    None: nothing."""

    at: datetime
    campaign: str
    agent: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """An attempt; `at` in UTC."""

    at: datetime
    campaign: str
    destination: str
    outcome: str
    agent: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of a number or contact."""

    standings: tuple[Standing, ...] = ()
    entries: tuple[Entry, ...] = ()
    appointments: tuple[Appointment, ...] = ()
    calls: tuple[Called, ...] = ()


@dataclass(slots=True)
class _Subject:
    """What was asked for: the forms of a number, contact ids, rows of the spool."""

    forms: list[str] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


async def why(database: Database, legal: Legal, local: LocalTime, what: str, now: datetime) -> Story | None:
    """Tell the story of `what`: a number however it is written, a contact id, or the id of a spool row
    (`#12`; plain digits are one where no number or contact is known by them). None when nothing is known.

    Nothing is changed, and nobody waits for it. Raises StoreError.
    """

    async def work(session: Session) -> Story | None:
        name = what.strip()
        asked = [] if name.startswith("#") else [await _by_name(session, legal, name)]
        asked.append(await _by_row(session, name.removeprefix("#")))
        for subject in asked:
            story = Story(
                tuple([await _standing(session, legal, local, row, now) for row in subject.rows]),
                tuple(await _entries(session, subject)),
                tuple(await _appointments(session, legal, local, subject, now)),
                tuple(await _called(session, subject)),
            )
            if story != Story():
                return story
        return None

    return await database.transaction(work)


async def _by_name(session: Session, legal: Legal, what: str) -> _Subject:
    forms = await _forms(session, legal, what)
    rows = await session.rows(_ROWS.format("contact = %s"), (what,))
    if forms:
        rows += await session.rows(_ROWS.format(f"number IN ({_marks(forms)})"), forms)
    # Who is asked about by number may have opted out as a contact.
    contacts = dict.fromkeys([what, *(str(row["contact"]) for row in rows if row["contact"])])
    return _Subject(forms, list(contacts), list({row["id"]: row for row in rows}.values()))


async def _by_row(session: Session, spool_id: str) -> _Subject:
    ids = [int(spool_id)] if spool_id.isascii() and spool_id.isdecimal() and len(spool_id) < 19 else []
    rows = await session.rows(_ROWS.format("id = %s"), ids) if ids else []
    return _Subject(
        sorted({str(row["number"]) for row in rows}),
        [str(row["contact"]) for row in rows if row["contact"]],
        rows,
    )


async def _forms(session: Session, legal: Legal, what: str) -> list[str]:
    """Return how the number may be written; nothing when it is none."""
    digits = known_digits(what)
    if not (digits.isascii() and digits.isdecimal()):
        return []
    forms = {digits}
    number = f"+{digits}" if what.startswith("+") else digits
    laws = "SELECT DISTINCT country FROM ccdata.dialers UNION SELECT DISTINCT law FROM ccdata.law_options"
    for row in await session.rows(laws):
        forms.update(place_of(number, legal.book.region(str(row["country"] or ""))).forms)
    return sorted(forms)


def _marks(values: Sequence[object]) -> str:
    return ",".join(["%s"] * len(values))


async def _standing(
    session: Session, legal: Legal, local: LocalTime, row: dict[str, Any], now: datetime
) -> Standing:
    campaign = str(row["campaign"])
    legal_reasons, opens = await _law(session, legal, local, row, now)
    known_rules = {reason.rule for reason in legal_reasons if reason.until}
    # What the row was held for is told as it stands now.
    reasons = [one for one in _own_reasons(row, now) if not (one.until and one.rule in known_rules)]
    reasons += await campaign_reasons(session, campaign, local, now, row)
    reasons += legal_reasons
    ends = [opens, *(reason.until for reason in reasons)]
    known = [end for end in ends if end is not None]
    first = max(known) if len(known) == len(ends) else None
    if first is not None and opens is not None and first > opens:
        first = (await _law(session, legal, local, row, first))[1]  # it may be night by then
    return Standing(
        id=int(row["id"]),
        campaign=campaign,
        list=str(row["dialerbase"]),
        destination=str(row["destination"]),
        contact=str(row["contact"] or ""),
        priority=int(row["priority"]),
        agent=str(row["agentphone"] or ""),
        calling=row["status"] == 0,
        reasons=tuple(reasons),
        opens=first,
    )


async def _law(
    session: Session, legal: Legal, local: LocalTime, row: dict[str, Any], now: datetime
) -> tuple[list[Reason], datetime | None]:
    """What the law says of a call now, and when it would first allow one."""
    campaign = str(row["campaign"])
    try:
        law, _ = await campaign_law(session, legal, campaign)
    except FieldError as error:
        return [Reason("settings", str(error))], None
    try:
        contact = read_contact(row)
    except FieldError as error:
        return [Reason("row", str(error))], None
    inquiry = Inquiry(session, legal, campaign, law, now, local, only_asking=True)
    [judged] = await inquiry.judge([contact], 1, black_lists=law.black_lists)
    return [Reason(str(hold.ban), str(hold), hold.until) for hold in judged.verdict.holds], judged.opens


def _own_reasons(row: dict[str, Any], now: datetime) -> Iterator[Reason]:
    """What the row itself says."""
    status, held_by, text = row["status"], str(row["held_by"]), str(row["reason"])
    if status == 0:
        yield Reason("calling", "it is being called now")
    elif status == 3:
        yield Reason(held_by or "black_list", f"blocked: {text or 'status 3'}; a person may set status to 1")
    elif status == 2:
        yield Reason(held_by or "row", f"set aside: {text or 'status 2'}; correct it and set status to 1")
    elif status != 1:
        yield Reason("row", f"status {status} has no meaning; set it to 1")
    elif row["notbefore"] is not None:
        until = row["notbefore"].replace(tzinfo=UTC)
        if until > now:
            yield Reason(held_by or "retry", text or "it waits for its next attempt", until)


async def campaign_reasons(
    session: Session, campaign: str, local: LocalTime, now: datetime, row: dict[str, Any] | None = None
) -> list[Reason]:
    """What of the campaign, or of a contact's list and agent, stands in the way."""
    dialers = await session.rows(_DIALER, (campaign,))
    if not dialers:
        return [Reason("no_dialer", "its campaign has no dialer")]
    [dialer] = dialers
    reasons = []
    if not dialer["status"]:
        reasons.append(Reason("dialer_off", "its dialer is disabled (dialers.status)"))
    elif dialer["state"] == "set_aside":
        reasons.append(Reason("settings", f"its dialer is set aside: {dialer['reason']}"))
    try:
        schedule = parse_schedule(str(dialer["schedule"]))
    except FieldError as error:
        reasons.append(Reason("settings", str(error)))
    else:
        if not schedule.open_at(local.at(now)):
            opens = local.utc(schedule.opens_after(local.naive(now)))
            reasons.append(Reason("schedule", f"its dialer works {dialer['schedule']}", opens))
    if row is None:
        return reasons
    if row["agentphone"] and str(dialer["dialertype"]).strip().lower() in _FOR_AGENTS:
        reasons.append(Reason("agent", f"it waits for agent {row['agentphone']}"))
    if row["dialerbase"] and (idle := await _idle(session, campaign, str(row["dialerbase"]))):
        reasons.append(Reason("list_inactive", idle))
    return reasons


async def _idle(session: Session, campaign: str, name: str) -> str:
    """Return why nobody of a list is called, '' when it serves."""
    lists = await session.rows(
        "SELECT campaign, name, active, percentage, priority, name = %s AS mine FROM ccdata.dialer_base"
        " WHERE campaign=%s",
        (name, campaign),
    )
    serving = {served.name for served in active_lists(lists, campaign)}
    mine = [row for row in lists if row["mine"] and row["active"]]
    if any(str(row["name"]) in serving for row in mine):
        return ""
    return "its list has the share 0 beside one that has more" if mine else "its list is not active"


async def _entries(session: Session, subject: _Subject) -> list[Entry]:
    """On which lists the number or contact stands, whether it is in the spool or not."""
    forms = subject.forms
    found = []
    who = [*forms, *(contact_key(contact) for contact in subject.contacts)]
    if who:
        rows = await session.rows(f"SELECT * FROM ccdata.opt_outs WHERE number IN ({_marks(who)})", who)
        for row in rows:
            found.append(Entry("opt_out", str(row["campaign"]) or "*", row["opted_at"], by=str(row["via"])))
    if not forms:
        return found
    number = f"number IN ({_marks(forms)})"
    for row in await session.rows(f"SELECT * FROM ccdata.black_list WHERE {number}", forms):
        found.append(Entry("black_list", str(row["campaign"]), row["created"], by=str(row["username"] or "")))
    for row in await session.rows(f"SELECT * FROM ccdata.black_list_schedule WHERE {number}", forms):
        found.append(Entry("temporary", "*", None, row["removedate"]))
    for row in await session.rows(f"SELECT * FROM ccdata.consents WHERE {number}", forms):
        kind = "withdrawn" if row["withdrawn_at"] else "consent"
        since = row["withdrawn_at"] or row["given_at"]
        found.append(Entry(kind, str(row["campaign"]), since, row["expires"], str(row["source"])))
    return found


async def _appointments(
    session: Session, legal: Legal, local: LocalTime, subject: _Subject, now: datetime
) -> list[Appointment]:
    words = [*subject.forms, *(f"+{form}" for form in subject.forms)]
    rows = await session.rows(_SCHEDULED.format(_marks(words)), words) if words else []
    found = []
    for row in rows:
        campaign, n = str(row["campaign"]), int(row["id"])
        ahead = (await prospects(session, legal, local, Source.SCHEDULER, campaign, [row], now))[n]
        reason = None
        if ahead is not None and ahead.rule != SCHEDULED and ahead.begins <= now:
            reason = Reason(ahead.rule, ahead.text, ahead.until)
        found.append(Appointment(row["calldate"], campaign, str(row["agentphone"] or ""), reason))
    return found


async def _called(session: Session, subject: _Subject) -> list[Called]:
    found: dict[tuple[datetime, str], Called] = {}
    for column, values in (
        ("contact", [contact for contact in subject.contacts if contact]),
        ("number", subject.forms),
        ("spool_id", [row["id"] for row in subject.rows]),
    ):
        if not values:
            continue
        for row in await session.rows(_LAST.format(f"{column} IN ({_marks(values)})"), values):
            at, number = row["claimed_at"].replace(tzinfo=UTC), str(row["destination"])
            outcome = str(row["outcome"] or row["state"])
            found[at, number] = Called(
                at, str(row["campaign"]), number, outcome, str(row["agent"]), str(row["next_step"] or "")
            )
    return sorted(found.values(), key=lambda call: call.at, reverse=True)[:_CALLS]
