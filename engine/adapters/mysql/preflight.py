"""Before the start: how many contacts of a campaign may be called now, later, never, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.adapters.legal import Legal
from engine.adapters.mysql.compliance import Inquiry, campaign_law
from engine.adapters.mysql.database import Database, Session
from engine.adapters.mysql.why import Reason, campaign_reasons
from engine.domain.errors import FieldError
from engine.domain.law import next_moment
from engine.domain.law.book import lawless
from engine.domain.localtime import LocalTime
from engine.domain.model import Contact
from engine.domain.settings import active_lists, read_contact

#: Contacts judged at once.
_CHUNK = 500
#: Reasons beside which a retry's time does not matter.
_FINAL = ("black_list", "opt_out", "registry", "consent")
#: Both read an index alone, whatever the rows hold.
_COUNT = (
    "SELECT COUNT(*) AS n FROM ccdata.calls_spool FORCE INDEX (calls_spool_claim)"
    " WHERE campaign=%s AND dialerbase {} IN ({})"
)
#: The digest of the id draws the sample: servers of a cluster give every n-th id only.
SAMPLE = (
    "SELECT id FROM ccdata.calls_spool FORCE INDEX (calls_spool_claim)"
    " WHERE campaign=%s AND dialerbase IN ({}) AND CRC32(id) MOD %s = 0"
)


@dataclass(slots=True)
class Census:
    """What was found among `seen` contacts, each of which stands for `weight` of the `total`.

    `later`: rule → contacts; `opens`: hour (UTC) → contacts that may be called from then on;
    `never`: rule → contacts that do not become callable by themselves; `tries`: calls that all callable
    contacts allow together; `inactive`: contacts in lists that do not serve, not judged;
    `obstacles`: what keeps the campaign itself from calling. `lawless`: nobody named a law; `nowhere`:
    contacts whose number says no country, where the law is that of several or of none that is known.
    """

    seen: int = 0
    total: int = 0
    now: int = 0
    later: Counter[str] = field(default_factory=Counter)
    opens: Counter[datetime] = field(default_factory=Counter)
    never: Counter[str] = field(default_factory=Counter)
    tries: int = 0
    inactive: int = 0
    obstacles: list[Reason] = field(default_factory=list)
    lawless: bool = False
    nowhere: int = 0
    #: The dialer's row.
    dialer: dict[str, Any] = field(default_factory=dict)

    @property
    def weight(self) -> float:
        return self.total / self.seen if self.seen else 1.0


async def census(
    database: Database, legal: Legal, local: LocalTime, campaign: str, now: datetime, most: int
) -> Census:
    """Judge the contacts of the active lists and the tasks; of more than `most` an even sample of about so
    many. Nothing is changed. Raises FieldError when there is no such dialer, or its rules cannot be read.
    """

    async def begin(session: Session) -> tuple[Census, list[int]]:
        rows = await session.rows("SELECT * FROM ccdata.dialers WHERE campaign=%s", (campaign,))
        if not rows:
            raise FieldError("campaign", f"there is no dialer {campaign!r}", "Correct it.")
        lists = await session.rows(
            "SELECT campaign, name, active, percentage, priority FROM ccdata.dialer_base WHERE campaign=%s",
            (campaign,),
        )
        names = ["", *(served.name for served in active_lists(lists, campaign))]
        marks = ",".join(["%s"] * len(names))
        [count] = await session.rows(_COUNT.format("", marks), (campaign, *names))
        [others] = await session.rows(_COUNT.format("NOT", marks), (campaign, *names))
        found = Census(total=int(count["n"]), inactive=int(others["n"]), dialer=rows[0])
        options = await session.rows("SELECT * FROM ccdata.law_options WHERE campaign=%s", (campaign,))
        found.lawless = lawless(rows[0], options[0] if options else None)
        found.obstacles = await campaign_reasons(session, campaign, local, now)
        every = max(-(-found.total // most), 1)
        ids = await session.rows(SAMPLE.format(marks), (campaign, *names, every))
        return found, sorted(int(row["id"]) for row in ids)

    found, ids = await database.transaction(begin)
    retries = int(found.dialer["retries"])
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]

        async def judge(session: Session, part: Sequence[int] = part) -> list[_Finding]:
            return await _judge(session, legal, local, campaign, part, now)

        for finding in await database.transaction(judge):
            _count(found, finding, retries)
    return found


@dataclass(frozen=True, slots=True)
class _Finding:
    """One contact: why it waits ('' = it does not), until when (None: not by itself), the contact; `nowhere`:
    nobody knows of which country its number is, and the law's rules depend on it."""

    reason: str
    opens: datetime | None
    contact: Contact | None
    nowhere: bool = False


def _count(found: Census, finding: _Finding, retries: int) -> None:
    found.seen += 1
    found.nowhere += finding.nowhere
    if finding.reason and finding.opens is None:
        found.never[finding.reason] += 1
        return
    if finding.contact is not None:
        phones = (finding.contact.phone, *finding.contact.alternatives)
        found.tries += sum(1 + (retries if p.retries is None else p.retries) for p in phones)
    if not finding.reason:
        found.now += 1
    elif finding.opens is not None:
        found.later[finding.reason] += 1
        found.opens[finding.opens.replace(minute=0, second=0, microsecond=0)] += 1


async def _judge(
    session: Session, legal: Legal, local: LocalTime, campaign: str, ids: Sequence[int], now: datetime
) -> list[_Finding]:
    marks = ",".join(["%s"] * len(ids))
    rows = await session.rows(f"SELECT * FROM ccdata.calls_spool WHERE id IN ({marks})", ids)
    law, _ = await campaign_law(session, legal, campaign)
    inquiry = Inquiry(session, legal, campaign, law, now, local, only_asking=True)
    findings: list[_Finding] = []
    contacts: list[Contact] = []
    waits: dict[int, datetime] = {}
    for row in rows:
        finding = _standing(row)
        if finding is not None:
            findings.append(finding)
            continue
        try:
            contacts.append(read_contact(row))
        except FieldError:
            findings.append(_Finding("row", None, None))
            continue
        if row["notbefore"] is not None and not row["held_by"]:
            waits[contacts[-1].id] = row["notbefore"].replace(tzinfo=UTC)
    homeless = bool(legal.book.base(law.settings).rules) and not legal.region(law)
    for judged in await inquiry.judge(contacts, len(contacts), black_lists=law.black_lists):
        wait = waits.get(judged.contact.id)
        hold = judged.verdict.last
        reason, opens = (str(hold.ban), judged.opens) if hold else ("", now)
        if wait is not None and wait > now and (opens is None or wait > opens) and reason not in _FINAL:
            # It may be night by then; the calls until now matter less and less.
            choice = judged.choice
            reason, opens = "retry", next_moment(choice.situation.law, choice.facts, wait) or wait
        nowhere = homeless and not judged.choice.situation.place.country
        findings.append(_Finding(reason, opens, judged.contact, nowhere))
    return findings


def _standing(row: dict[str, Any]) -> _Finding | None:
    """What the row's own status says; None when it is ready or waits."""
    if row["status"] == 1:
        return None
    words = {0: "calling", 3: "black_list"}
    return _Finding(str(row["held_by"]) or words.get(row["status"], "row"), None, None)
