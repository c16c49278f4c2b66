"""Where a number is: its country, its area and all its time zones; and which days are holidays there.

The libraries (phonenumbers, holidays) are named here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import phonenumbers
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from engine.adapters.overlays import overlaid
from engine.domain.callerid_pool import Locality

_NORTH_AMERICA = 1


@dataclass(frozen=True, slots=True)
class Place:
    """What a number says of itself.

    `key`: the number in international digits where they are known, else its digits: the same person's
    number has one key however it is written. `forms`: every way in which lists may write it (digits only).
    `area`: North American area code.
    """

    key: str
    forms: tuple[str, ...]
    country: str = ""
    area: str = ""
    zones: tuple[str, ...] = ()


@lru_cache(maxsize=20_000)
def place_of(number: str, region: str = "") -> Place:
    """Return what `number` (as dialled) says, national numbers being those of `region` (ISO 3166).

    A mobile number may be anywhere in its area or country: all zones of it count.
    """
    digits = number.removeprefix("+")
    try:
        parsed = phonenumbers.parse(number, region or None)
    except phonenumbers.NumberParseException:
        return Place(digits, (digits,))
    if not phonenumbers.is_possible_number(parsed):
        return Place(digits, (digits,))
    national = phonenumbers.national_significant_number(parsed)
    key = f"{parsed.country_code}{national}"
    forms = dict.fromkeys((digits, key))
    if region and phonenumbers.country_code_for_region(region) == parsed.country_code:
        forms.update(dict.fromkeys((national, f"0{national}")))
    area = national[:3] if parsed.country_code == _NORTH_AMERICA else ""
    if area:
        zones: Iterable[str] = _zones_of_area(area)
    else:
        zones = timezone.time_zones_for_geographical_number(parsed)
    country = phonenumbers.region_code_for_number(parsed)
    return Place(
        key=key,
        forms=tuple(forms),
        country=country or phonenumbers.region_code_for_country_code(parsed.country_code or 0),
        area=area,
        zones=tuple(zone for zone in zones if zone != timezone.UNKNOWN_TIMEZONE),
    )


@lru_cache(maxsize=20_000)
def locality(number: str, region: str = "") -> Locality:
    """Return the country and the area that `number` belongs to, national numbers being those of `region`.

    Where no region is known, digits are read as an international number. The area is the geographical area
    code, or the code of the network where a country's numbers have none.
    """
    digits = number.removeprefix("+")
    text = number if region else f"+{digits}"
    try:
        parsed = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return Locality()
    if not phonenumbers.is_possible_number(parsed):
        return Locality()
    code = str(parsed.country_code)
    national = phonenumbers.national_significant_number(parsed)
    if parsed.country_code == _NORTH_AMERICA:
        length = 3
    else:
        length = phonenumbers.length_of_geographical_area_code(
            parsed
        ) or phonenumbers.length_of_national_destination_code(parsed)
    return Locality(code + national[:length] if length else "", code)


@lru_cache(maxsize=1_000)
def _zones_of_area(area: str) -> tuple[str, ...]:
    """An overlay lies where the code lies that it is laid over, whatever is known of its own numbers."""
    prefixes = tuple(f"{_NORTH_AMERICA}{code}" for code in overlaid(area))
    there = (names for start, names in TIMEZONE_DATA.items() if start.startswith(prefixes))
    return tuple(sorted({name for names in there for name in names}))


@lru_cache(maxsize=1_000)
def zones(names: tuple[str, ...]) -> tuple[ZoneInfo, ...]:
    """Return the zones of these names, without those that this machine's data do not know."""
    found = []
    for name in names:
        try:
            found.append(ZoneInfo(name))
        except (KeyError, ValueError, OSError):
            continue
    return tuple(found)


@lru_cache(maxsize=500)
def _calendar(country: str, state: str) -> holidays.HolidayBase | None:
    try:
        return holidays.country_holidays(country, subdiv=state or None)
    except NotImplementedError:
        return _calendar(country, "") if state else None


@lru_cache(maxsize=20_000)
def holiday_of(country: str, state: str, day: date) -> str:
    """Return the name of the public holiday, '' when `day` is none, or nobody knows the country's."""
    calendar = _calendar(country, state) if country else None
    return str(calendar.get(day) or "") if calendar is not None else ""
