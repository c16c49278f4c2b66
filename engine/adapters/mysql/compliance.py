"""The law inside the claim: facts about the claimed contacts from the tables, a verdict on each.

Everything is asked in the transaction that reserves the attempt, so what a verdict rests on holds while the
attempt is written: two claims for the same person take turns (`people.py`).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.adapters.legal import CampaignLaw, Legal
from engine.adapters.mysql.blacklists import Block, note_blocks
from engine.adapters.mysql.choosing import Choice, Chooser
from engine.adapters.mysql.database import Session, utc
from engine.adapters.mysql.people import (
    UNDER_WAY,
    PastCalls,
    Person,
    acquainted,
    known_since,
    past_calls,
    take_turns,
)
from engine.adapters.places import place_of
from engine.domain.law import LEAD, Ban, Contacted, Facts, Law, Verdict, may_call, next_moment
from engine.domain.localtime import LocalTime
from engine.domain.model import Attempt, Contact, SpoolId
from engine.domain.pacing import profile_for
from engine.domain.phone_order import parse_phone_order
from engine.domain.phones import join_alternatives
from engine.ports import StoreError

#: So many held contacts are judged anew at once when the rules change.
_MANY = 2_000
#: These bans depend on rules, so a change of the rules may lift them.
_BY_RULE = tuple(str(ban) for ban in Ban if ban not in (Ban.BLACK_LIST, Ban.OPT_OUT))

_SETTINGS = (
    "SELECT d.country, d.rule, d.timeout, d.dialertype, d.schedulephones, d.dncr, o.campaign AS optional,"
    " o.law, o.cap_calls, o.cap_hours, o.rest_hours, o.consent, o.holidays, s.fingerprint"
    " FROM ccdata.dialers d LEFT JOIN ccdata.law_options o ON o.campaign = d.campaign"
    " LEFT JOIN ccdata.law_state s ON s.campaign = d.campaign WHERE d.campaign = %s"
)


async def campaign_law(session: Session, legal: Legal, campaign: str) -> tuple[CampaignLaw, str | None]:
    """Return a campaign's settings and the fingerprint of the rules under which contacts were last held.

    Raises FieldError; a campaign without a dialer has no rules.
    """
    rows = await session.rows(_SETTINGS, (campaign,))
    if not rows:
        return CampaignLaw(), None
    row = rows[0]
    bases = await session.rows(
        "SELECT name, timezone FROM ccdata.dialer_base WHERE campaign = %s AND timezone <> ''", (campaign,)
    )
    settings = legal.book.settings(row, row if row["optional"] is not None else None)
    return CampaignLaw(
        settings=settings,
        ring=max(int(row["timeout"]), _rings_at_least(str(row["country"] or ""))),
        dialer_type=str(row["dialertype"]),
        black_lists=bool(row["dncr"]),
        phone_order=parse_phone_order(order) if (order := str(row["schedulephones"] or "").strip()) else None,
        list_zones={str(base["name"]).lower(): str(base["timezone"]) for base in bases},
    ), str(row["fingerprint"] or "")


def _rings_at_least(country: str) -> int:
    """Return how long calls ring whatever `timeout` says (s), as domain/settings.py reads a dialer."""
    return math.ceil(profile_for(country).min_ring) if country.strip() else 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A contact on the number that was chosen, and the verdict."""

    choice: Choice
    verdict: Verdict
    #: When somebody who only asks may expect the first call; None: not by itself, or not asked.
    opens: datetime | None = None

    @property
    def contact(self) -> Contact:
        return self.choice.contact

    @property
    def key(self) -> str:
        """The number in one spelling."""
        return self.choice.situation.place.key


class Inquiry:
    """Judges the contacts of one claim. A call that it allows counts for those after it."""

    def __init__(
        self,
        session: Session,
        legal: Legal,
        campaign: str,
        law: CampaignLaw,
        now: datetime,
        local: LocalTime,
        *,
        only_asking: bool = False,
        turns: frozenset[int] | None = None,
    ) -> None:
        """`only_asking`: nobody is going to be called, so nobody has to wait for us; `turns`: of an inquiry
        before this one in the same transaction."""
        self._only_asking = only_asking
        self._session = session
        self._legal = legal
        self._campaign = campaign
        self._law = law
        self._now = now
        self._local = local
        self._turns = turns
        self._region = legal.region(law)
        #: Whom this claim calls; the tables do not know of it yet.
        self._taken: list[tuple[Person, Contact]] = []

    @property
    def turns(self) -> frozenset[int] | None:
        """The slots of people that are ours until the transaction ends; None: nobody's were wanted."""
        return self._turns

    async def judge(self, contacts: Sequence[Contact], limit: int, *, black_lists: bool) -> list[Judged]:
        """Return a verdict on each, in order, until `limit` may be called."""
        if not contacts:
            return []
        choices = await self._chooser(black_lists).choose(contacts)
        people, past = await self._past(choices)
        judged = []
        for choice in choices:
            person = people.get(choice.asked.id)
            if person and not self._only_asking and not person.within(self._turns or frozenset()):
                continue  # another claim is about the same person: next time
            verdict, opens = self._verdict(choice, past.of(person) if person else ())
            if verdict.allowed and person and not self._only_asking:
                self._taken.append((person, choice.contact))
                self._add(past, person, choice.contact)
            judged.append(Judged(choice, verdict, opens))
            limit -= verdict.allowed
            if limit <= 0:
                break
        return judged

    async def facts(self, contacts: Sequence[Contact]) -> list[tuple[Law, Facts]]:
        """Return, in order, what a verdict on each rests on, for somebody who only asks."""
        if not contacts:
            return []
        choices = await self._chooser(self._law.black_lists).choose(contacts)
        people, past = await self._past(choices)
        known = []
        for choice in choices:
            person = people.get(choice.asked.id)
            known.append((choice.situation.law, _with(choice.facts, past.of(person) if person else ())))
        return known

    async def again(self, attempt: Attempt, *, black_lists: bool) -> Verdict:
        """Judge a contact that is claimed, at the moment of its call: its own claim is no call before it."""
        choice = await self._chooser(black_lists).stay(attempt.contact)
        people, past = await self._past([choice], besides=attempt.id)
        calls = [call for person in people.values() for call in past.of(person)]
        return may_call(choice.situation.law, _with(choice.facts, tuple(calls)), self._now)

    def _chooser(self, black_lists: bool) -> Chooser:
        return Chooser(
            self._session,
            self._legal,
            self._campaign,
            self._law,
            self._now,
            self._local,
            black_lists=black_lists,
        )

    async def _past(
        self, choices: Sequence[Choice], besides: str = ""
    ) -> tuple[dict[SpoolId, Person], PastCalls]:
        """Return those whose earlier calls matter, and the calls; `besides` one attempt."""
        back = max((choice.situation.law.looks_back for choice in choices), default=timedelta())
        if not back:
            return {}, PastCalls()
        counted = [choice.asked for choice in choices if choice.situation.law.looks_back]
        since = self._now - back
        known = await acquainted(
            self._session,
            [self.person(contact) for contact in counted],
            known_since(since, self._now),
            self._forms,
        )
        people = {contact.id: person for contact, person in zip(counted, known, strict=True)}
        if not self._only_asking:
            ours = await take_turns(self._session, people.values(), wait=self._turns is None)
            self._turns = (self._turns or frozenset()) | ours
        past = await past_calls(self._session, known, since, self._now, besides)
        for person, contact in self._taken:
            self._add(past, person, contact)
        return people, past

    def _add(self, past: PastCalls, person: Person, contact: Contact) -> None:
        past.add(
            f"now {contact.id}",
            Contacted(self._now, lasts=self._now + UNDER_WAY),
            person.numbers,
            contact.reference,
            contact.id,
        )

    def person(self, contact: Contact) -> Person:
        """Return by what of the contact itself calls to its person are recognised."""
        phones = dict.fromkeys(phone.number for phone in (contact.phone, *contact.alternatives))
        numbers = dict.fromkeys(form for number in phones for form in self._forms(number))
        contacts = (contact.reference,) if contact.reference else ()
        return Person(tuple(numbers), contacts, (contact.id,) if contact.id else ())

    def _forms(self, number: str) -> tuple[str, ...]:
        return place_of(number, self._region).forms

    def _verdict(self, choice: Choice, calls: tuple[Contacted, ...]) -> tuple[Verdict, datetime | None]:
        law, facts = choice.situation.law, _with(choice.facts, calls)
        verdict = may_call(law, facts, self._now)
        if self._only_asking:
            return verdict, next_moment(law, facts, self._now)
        if verdict.allowed and self._law.agent_guaranteed:
            later = may_call(law, facts, self._now + LEAD)
            verdict = Verdict(tuple(hold for hold in later.holds if hold.ban.calendar))
        return verdict, None


def _with(facts: Facts, calls: tuple[Contacted, ...]) -> Facts:
    return replace(facts, calls=calls) if calls else facts


@dataclass(frozen=True, slots=True)
class Held:
    """How many contacts were blocked (status 3), held until a moment, or set aside (status 2)."""

    blocked: int = 0
    held: int = 0
    aside: int = 0


async def hold_back(
    session: Session, judged: Sequence[Judged], campaign: str, owner: str, local_now: datetime
) -> Held:
    """Write why contacts were not called, into their rows, the history and the audit; a number that was left
    out leaves the row of a contact that has another."""
    counts: Counter[int] = Counter()
    places: dict[tuple[int, datetime | None, str, str], list[int]] = {}
    blocks = []
    for one in judged:
        hold = one.verdict.last
        for left in one.choice.left_out:
            blocks.append(Block(left.phone.number, campaign, left.hold.ban, str(left.hold)))
        if hold is None:
            continue
        if hold.ban is Ban.RING:
            raise StoreError(f"timeout: {hold}")  # the campaign's fault, not the contact's
        status = 1 if hold.until else 2 if hold.ban is Ban.CONSENT else 3
        counts[status] += 1
        place = (status, utc(hold.until), str(hold)[:255], str(hold.ban))
        places.setdefault(place, []).append(one.contact.id)
        if not hold.ban.calendar:
            blocks.append(Block(one.contact.phone.number, campaign, hold.ban, str(hold)))
    for place, ids in places.items():
        marks = ",".join(["%s"] * len(ids))
        await session.run(
            "UPDATE ccdata.calls_spool SET status=%s, notbefore=%s, reason=%s, held_by=%s"
            f" WHERE id IN ({marks})",
            (*place, *ids),
        )
    await _leave_out(session, judged)
    await note_blocks(session, blocks, owner, local_now)
    return Held(counts[3], counts[1], counts[2])


async def _leave_out(session: Session, judged: Sequence[Judged]) -> None:
    """Who is blocked keeps all his numbers: a person may decide otherwise about any of them."""
    await session.run_many(
        "UPDATE ccdata.calls_spool SET destination=%s, alternatives=%s, retries=%s WHERE id=%s",
        [
            (kept.phone.entry(), join_alternatives(kept.alternatives), kept.retries, kept.id)
            for one in judged
            for kept in (one.choice.kept,)
            if one.choice.left_out and one.verdict.final is None
        ],
    )


def fingerprint(legal: Legal, law: CampaignLaw) -> str:
    """Return what changes when the rules of a campaign do."""
    book = legal.book
    abroad = [country for country, _ in book.base(law.settings).countries]
    rules = [book.law(law.settings, country=country).rules for country in ("", *abroad)]
    text = repr((law.settings, rules, sorted(law.list_zones.items()), law.dialer_type))
    return hashlib.sha256(text.encode()).hexdigest()


async def judge_anew(session: Session, campaign: str, mark: str, now: datetime) -> None:
    """The rules have changed: let those who are held by rules be judged anew, some at a time."""
    marks = ",".join(["%s"] * len(_BY_RULE))
    # Looked for without locks: an UPDATE over the range would lock its neighbour in another campaign, too.
    rows = await session.rows(
        "SELECT id FROM ccdata.calls_spool FORCE INDEX (calls_spool_due)"
        f" WHERE campaign=%s AND status=1 AND notbefore > %s AND held_by IN ({marks}) LIMIT {_MANY}",
        (campaign, utc(now), *_BY_RULE),
    )
    if rows:
        marks = ",".join(["%s"] * len(rows))
        await session.run(
            f"UPDATE ccdata.calls_spool SET notbefore=NULL, reason='', held_by='' WHERE id IN ({marks})"
            " AND status=1",
            [row["id"] for row in rows],
        )
    if len(rows) < _MANY:
        await session.run(
            "INSERT INTO ccdata.law_state (campaign, fingerprint, changed_at) VALUES (%s, %s, %s)"
            " ON DUPLICATE KEY UPDATE fingerprint=VALUES(fingerprint), changed_at=VALUES(changed_at)",
            (campaign, mark, utc(now)),
        )
