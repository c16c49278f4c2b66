"""Where a number is: its country, its area and all its time zones; and which days are holidays there.

The libraries (phonenumbers, holidays) are named here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import phonenumbers
from holidays.registry import COUNTRIES
from phonenumbers import shortnumberinfo, timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from engine.adapters.overlays import overlaid
from engine.domain.callerid_pool import Locality

_NORTH_AMERICA = 1
#: No emergency number has more digits.
_SHORT = 6
#: What mobile networks everywhere, and much of the world besides, put through to an emergency service.
_EVERYWHERE = ("112", "911")


@dataclass(frozen=True, slots=True)
class Place:
    """What a number says of itself.

    `key`: the number in international digits where they are known, else its digits: the same person's
    number has one key however it is written. `forms`: every way in which lists may write it (digits only):
    the first as it is dialled; some with what is dialled before a country code (00, in North America 011).
    `country`: ISO 3166, '' where the international digits are not known. `area`: North American area code.
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
    if not region and number.startswith("00"):
        number = f"+{number[2:]}"
    try:
        parsed = phonenumbers.parse(number, region or None)
    except phonenumbers.NumberParseException:
        return Place(digits, (digits,))
    if not phonenumbers.is_possible_number(parsed):
        return Place(digits, (digits,))
    national = phonenumbers.national_significant_number(parsed)
    key = f"{parsed.country_code}{national}"
    forms = dict.fromkeys((digits, key, f"00{key}"))
    of = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    if phonenumbers.ndd_prefix_for_region(of, True) == "0":
        forms[f"{parsed.country_code}0{national}"] = None  # +44 020 …: as people write who never dial it
    if in_north_america(region):  # elsewhere 011 may begin a national number
        forms[f"011{key}"] = None
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
def emergency(number: str, region: str) -> bool:
    """Does `number`, dialled in `region` (ISO 3166; '' = not known), reach an emergency service?"""
    if len(number) > _SHORT:
        return False
    return number in _EVERYWHERE or bool(region and shortnumberinfo.is_emergency_number(number, region))


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


def in_north_america(region: str) -> bool:
    """Does a country (ISO 3166) have the country code 1?"""
    return bool(region) and phonenumbers.country_code_for_region(region) == _NORTH_AMERICA


@lru_cache(maxsize=1)
def countries() -> Mapping[str, str]:
    """Return the ISO 3166 codes of all countries by their codes of two and three letters and their English
    names, in capitals."""
    found = {region: region for region in phonenumbers.SUPPORTED_REGIONS}
    for words in COUNTRIES.values():
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words[0])
        found.update({word.upper(): words[1] for word in (words[1], words[2], spaced)})
    return found


@lru_cache(maxsize=20_000)
def subdivision(country: str, name: str) -> str:
    """Return the code of a state or province (by its code or name) whose holidays are known, else ''."""
    calendar = _calendar(country, "") if country and name else None
    if calendar is None:
        return ""
    known = {alias.casefold(): code for alias, code in calendar.subdivisions_aliases.items()}
    known.update({code.casefold(): code for code in calendar.subdivisions})
    return known.get(name.strip().casefold(), "")


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
