"""The law of one engine: its books, its registries, and where contacts are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from engine.adapters.lawbooks import load_laws
from engine.adapters.places import (
    Place,
    emergency,
    holiday_of,
    locality,
    place_of,
    subdivision,
    zones,
)
from engine.adapters.registry import Registry
from engine.domain.callerid_pool import Locality
from engine.domain.law import Facts, Given, Law, LawBook, LawSettings
from engine.domain.law.facts import Contacted
from engine.domain.model import Contact
from engine.domain.orders import MANUAL_RING
from engine.domain.phone_order import PhoneOrder
from engine.domain.variables import parse_variables

_AGENT_RESERVED = ("preview", "progressive")
_NO_AGENT = "voicebroadcast"


@cache
def standard_book() -> LawBook:
    """The law files that come with the engine."""
    return load_laws()


@dataclass(frozen=True, slots=True)
class CampaignLaw:
    """What of a campaign's settings matters: `ring` in s; `black_lists`: does it ask them (`dialers.dncr`);
    `list_zones`: of its lists by name in lower case; `manual`: it is about a call that an agent orders."""

    settings: LawSettings = field(default_factory=LawSettings)
    ring: int = 30
    dialer_type: str = ""
    black_lists: bool = True
    phone_order: PhoneOrder | None = None
    list_zones: Mapping[str, str] = field(default_factory=dict)
    manual: bool = False

    @property
    def agent_guaranteed(self) -> bool:
        """Is an agent reserved before anybody is called?"""
        return self.dialer_type.strip().lower() in _AGENT_RESERVED

    @property
    def prerecorded(self) -> bool:
        return self.dialer_type.strip().lower() == _NO_AGENT

    @property
    def by_hand(self) -> CampaignLaw:
        """The same for a call that an agent orders: he is on the line before anybody is dialled."""
        return replace(self, dialer_type=_AGENT_RESERVED[0], ring=MANUAL_RING, manual=True)


@dataclass(frozen=True, slots=True)
class Situation:
    """One contact under the law: where it is, which rules hold."""

    law: Law
    place: Place
    zones: tuple[tzinfo, ...]


@dataclass(frozen=True)
class Legal:
    """Laws and registries. `local`: the engine's own zone, where nothing says more."""

    book: LawBook = field(default_factory=standard_book)
    registries: Mapping[str, Registry] = field(default_factory=dict)
    local: tzinfo | None = None

    def keys(self, number: str, countries: Iterable[str]) -> tuple[str, ...]:
        """Return under which international digits a number may be known where it is dialled for `countries`
        (laws or countries)."""
        regions = {self.book.region(country) for country in countries} | {""}
        return tuple(sorted({place_of(number, region).key for region in regions}))

    def region(self, campaign: CampaignLaw) -> str:
        """Return the country whose national numbers the campaign dials."""
        law = self.book.law(campaign.settings)
        return law.region

    def place(self, campaign: CampaignLaw, number: str) -> Place:
        """Return where a number of the campaign is."""
        return place_of(number, self.region(campaign))

    def locality(self, number: str, country: str) -> Locality:
        """Return where a number belongs; `country`: as in `dialers.country`, or ISO 3166."""
        return locality(number, self.book.region(country))

    def arranged(self, campaign: CampaignLaw, contact: Contact, now: datetime) -> Contact:
        """Put the contact's phones into the order of its local hour."""
        if campaign.phone_order is None:
            return contact
        named = self._named_zone(campaign, contact)
        zone = (named or zones(self.place(campaign, contact.phone.number).zones) or (self.local,))[0]
        return campaign.phone_order.arrange(contact, now.astimezone(zone).hour)

    @staticmethod
    def _named_zone(campaign: CampaignLaw, contact: Contact) -> tuple[ZoneInfo, ...]:
        """The contact's own zone, else its list's, else its variable."""
        name = contact.timezone or campaign.list_zones.get(contact.list_name.lower(), "")
        name = name or parse_variables(contact.data).get("timezone").strip()
        return zones((name,)) if name else ()

    def situation(self, campaign: CampaignLaw, contact: Contact) -> Situation:
        """Return which rules hold for a contact, and every zone in which it may be.

        The contact's own zone (`calls_spool.timezone`) says it all, else its list's; else its variable
        `timezone`; else number and state together; else every zone of the law; else ours.
        """
        place = self.place(campaign, contact.phone.number)
        variables = parse_variables(contact.data)
        written = variables.get("state").strip()
        state = written.upper()
        known = state in self.book.states
        area_state = self.book.areas.get(place.area, "")
        country = place.country or self.region(campaign)
        part = subdivision(country, written) or (area_state if country == "US" else "")
        law = self.book.law(campaign.settings, state if known else area_state, country, part)
        if not law.asks_for_zones:
            return Situation(law, place, ())
        found = self._named_zone(campaign, contact)
        if not found:
            names = dict.fromkeys(place.zones)
            if known and campaign.settings.by_state:
                names.update(dict.fromkeys(self.book.states[state].zones))
            found = zones(tuple(names)) or zones(law.zones)
        return Situation(law, place, found or (self.local or ZoneInfo("UTC"),))

    def facts(
        self,
        campaign: CampaignLaw,
        situation: Situation,
        *,
        listed: str = "",
        listed_until: datetime | None = None,
        given: Given = Given.NOTHING,
        calls: tuple[Contacted, ...] = (),
    ) -> Facts:
        """Put together everything that a verdict on a contact rests on. An emergency number is listed for
        machines (47 CFR 64.1200(a)(1)(i)), whatever the law; an agent may call it."""
        key = situation.place.key
        if not (listed or campaign.manual) and emergency(situation.place.forms[0], situation.law.region):
            listed = "it is an emergency number, which no machine calls"
        asked = [name for name in situation.law.registries if name in self.registries]
        return Facts(
            zones=situation.zones,
            holiday=holiday_of,
            listed=listed,
            listed_until=listed_until,
            given=given,
            registries=frozenset(name for name in asked if key in self.registries[name]),
            ring=campaign.ring,
            prerecorded=campaign.prerecorded,
            agent_guaranteed=campaign.agent_guaranteed,
            calls=calls,
        )
