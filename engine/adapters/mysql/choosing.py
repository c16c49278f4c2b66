"""Which of a contact's numbers is asked about: one that is on a list for good costs the contact no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.adapters.legal import CampaignLaw, Legal, Situation
from engine.adapters.mysql.blacklists import Wishes, wishes
from engine.adapters.mysql.database import Session
from engine.domain.law import Facts, Hold, may_call
from engine.domain.localtime import LocalTime
from engine.domain.model import Contact
from engine.domain.phones import Phone


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A number that is not called, and why."""

    phone: Phone
    hold: Hold


@dataclass(frozen=True, slots=True)
class Choice:
    """A contact on the number that is asked about.

    `asked`: as it was given; `contact`: in the order of its local hour, without what is left out; `kept`: the
    same in the order of its row. `facts`: all but the calls that there have been. Where every number is left
    out, the contact is as it was, on its first one.
    """

    asked: Contact
    contact: Contact
    kept: Contact
    situation: Situation
    facts: Facts
    left_out: tuple[LeftOut, ...] = ()


class Chooser:
    """Chooses for one campaign at one moment, in one transaction."""

    def __init__(
        self,
        session: Session,
        legal: Legal,
        campaign: str,
        law: CampaignLaw,
        now: datetime,
        local: LocalTime,
        *,
        black_lists: bool,
    ) -> None:
        self._session = session
        self._legal = legal
        self._campaign = campaign
        self._law = law
        self._now = now
        self._local = local
        self._black_lists = black_lists

    async def choose(self, contacts: Sequence[Contact]) -> list[Choice]:
        """Return a choice for each, in order."""
        arranged = [self._arranged(contact) for contact in contacts]
        said = await self._said([(contact, (contact.phone,)) for contact in arranged])
        first = [self.on_number(contact, said) for contact in arranged]
        barred = {choice.asked.id for choice in first if choice.asked.alternatives and self._barred(choice)}
        if barred:
            more = [(c, (c.phone, *c.alternatives)) for c in contacts if c.id in barred]
            said.add(await self._said(more))
        return [
            self._another(contact, said)
            if contact.id in barred
            else replace(choice, asked=contact, kept=contact)
            for contact, choice in zip(contacts, first, strict=True)
        ]

    async def stay(self, contact: Contact) -> Choice:
        """Return the contact on the number that it is on."""
        return self.on_number(contact, await self._said([(contact, (contact.phone,))]))

    def on_number(self, contact: Contact, said: Wishes) -> Choice:
        """Return what is known about a contact on its first number."""
        situation = self._legal.situation(self._law, contact)
        forms = situation.place.forms
        until = said.blocked_until(forms)
        facts = self._legal.facts(
            self._law,
            situation,
            listed=said.black_listed(forms),
            listed_until=None if until is None else self._local.utc(until),
            given=said.given(forms, contact.reference),
        )
        return Choice(contact, contact, contact, situation, facts)

    def _another(self, contact: Contact, said: Wishes) -> Choice:
        """Leave numbers out until one may be asked about."""
        kept, left_out = contact, list[LeftOut]()
        while True:
            choice = self.on_number(self._arranged(kept), said)
            hold = self._barred(choice)
            if hold is None:
                return replace(choice, asked=contact, kept=kept, left_out=tuple(left_out))
            left_out.append(LeftOut(choice.contact.phone, hold))
            rest = _without(kept, choice.contact.phone.number)
            if rest is None:
                break
            kept = rest
        whole = self.on_number(self._arranged(contact), said)
        others = tuple(one for one in left_out if one.phone != whole.contact.phone)
        return replace(whole, asked=contact, kept=contact, left_out=others)

    def _arranged(self, contact: Contact) -> Contact:
        return self._legal.arranged(self._law, contact, self._now)

    def _barred(self, choice: Choice) -> Hold | None:
        if not choice.facts.listed and not choice.facts.registries:
            return None
        return may_call(choice.situation.law, choice.facts, self._now).of_number

    async def _said(self, asked: Sequence[tuple[Contact, Sequence[Phone]]]) -> Wishes:
        numbers = {phone.number for _, phones in asked for phone in phones}
        return await wishes(
            self._session,
            self._campaign,
            self._now,
            self._local,
            {number: self._legal.place(self._law, number).forms for number in numbers},
            [contact.reference for contact, _ in asked],
            black_lists=self._black_lists,
        )


def _without(contact: Contact, number: str) -> Contact | None:
    """Return the contact without a number; None when it has no other. The next one has had no attempt."""
    phones = [phone for phone in (contact.phone, *contact.alternatives) if phone.number != number]
    if not phones:
        return None
    retries = contact.retries if phones[0] == contact.phone else 0
    return replace(contact, phone=phones[0], alternatives=tuple(phones[1:]), retries=retries)
