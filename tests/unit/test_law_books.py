"""The law files: which rules hold for whom, by table; every rule has a source; where a number is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.adapters.lawbooks import load_laws
from engine.adapters.legal import CampaignLaw, Legal
from engine.adapters.mysql.compliance import fingerprint
from engine.adapters.overlays import overlaid, overlay_codes
from engine.adapters.places import holiday_of, place_of, subdivision, zones
from engine.domain.errors import FieldError
from engine.domain.law import Ban, Contacted, Facts, LawSettings, may_call, next_moment
from engine.domain.law.book import LawBook, lawless
from engine.domain.law.rules import Rest
from engine.domain.pacing import profile_for

BOOK = load_laws()


def bans(settings: LawSettings, zone: str, at: str, state: str = "", **facts: object) -> set[Ban]:
    """Why a call at the local time `at` in `zone` may not be placed."""
    law = BOOK.law(settings, state)
    known = Facts(zones=(ZoneInfo(zone),), holiday=holiday_of, **facts)  # type: ignore[arg-type]
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))
    return {hold.ban for hold in may_call(law, known, moment).holds}


US, BY_STATE = LawSettings("US"), LawSettings("USA", ("STATE",))
NY, CHICAGO, LA = "America/New_York", "America/Chicago", "America/Los_Angeles"


@pytest.mark.parametrize(
    ("settings", "state", "zone", "at", "held"),
    [
        # Federal hours, 08:00 to 21:00 every day.
        (US, "", NY, "2026-05-17 08:00", ""),
        (US, "", NY, "2026-05-17 07:59", "hours"),
        (US, "", NY, "2026-05-17 20:59", ""),
        (US, "", NY, "2026-05-17 21:00", "hours"),
        # A state's rules count only where `rule` says STATE.
        (US, "KY", NY, "2026-05-13 09:00", ""),
        (BY_STATE, "KY", NY, "2026-05-13 09:59", "hours"),
        (BY_STATE, "KY", NY, "2026-05-13 10:00", ""),
        (BY_STATE, "TX", CHICAGO, "2026-05-17 11:59", "hours"),  # a Sunday
        (BY_STATE, "TX", CHICAGO, "2026-05-17 12:00", ""),
        (BY_STATE, "TX", CHICAGO, "2026-05-18 09:00", ""),
        (BY_STATE, "TX", CHICAGO, "2026-05-18 08:59", "hours"),
        (BY_STATE, "FL", NY, "2026-05-13 20:00", "hours"),
        (BY_STATE, "FL", NY, "2026-05-13 19:59", ""),
        (BY_STATE, "CA", LA, "2026-05-17 20:30", ""),
        (BY_STATE, "RI", NY, "2026-05-13 18:00", "hours"),
        (BY_STATE, "RI", NY, "2026-05-16 16:59", ""),  # a Saturday
        (BY_STATE, "RI", NY, "2026-05-16 17:00", "hours"),
        (BY_STATE, "RI", NY, "2026-05-17 12:00", "hours"),
        (BY_STATE, "SD", CHICAGO, "2026-05-17 12:00", "hours"),
        (BY_STATE, "CT", NY, "2026-05-13 08:30", "hours"),
        (BY_STATE, "WA", LA, "2026-05-13 20:00", "hours"),
        # Public holidays by state: observed days, and those that only one state keeps.
        (BY_STATE, "AL", CHICAGO, "2026-07-03 12:00", "holiday"),
        (BY_STATE, "CA", LA, "2026-07-03 12:00", ""),
        (BY_STATE, "LA", CHICAGO, "2026-02-17 12:00", "holiday"),  # Mardi Gras
        (BY_STATE, "TX", CHICAGO, "2026-02-17 12:00", ""),
        (BY_STATE, "UT", "America/Denver", "2026-07-24 12:00", "holiday"),  # Pioneer Day
        (BY_STATE, "PA", NY, "2026-12-25 12:00", "holiday"),
        # Whose state is not known is protected by all of them: nothing on a Sunday.
        (BY_STATE, "", NY, "2026-05-17 12:00", "hours"),
        (BY_STATE, "", NY, "2026-05-13 12:00", ""),
        # Elsewhere.
        (LawSettings("GB"), "", "Europe/London", "2026-05-13 08:00", ""),
        (LawSettings("UK"), "", "Europe/London", "2026-05-16 08:59", "hours"),
        (LawSettings("EU"), "", "Europe/Paris", "2026-05-13 13:00", "hours"),
        (LawSettings("EU"), "", "Europe/Paris", "2026-05-13 14:00", ""),
        (LawSettings("EU"), "", "Europe/Paris", "2026-05-16 11:00", "hours"),
        (LawSettings("México"), "", "America/Mexico_City", "2026-05-13 21:00", "hours"),
        (LawSettings("MX"), "", "America/Mexico_City", "2026-09-16 12:00", "holiday"),
        (LawSettings("UY"), "", "America/Montevideo", "2026-05-16 16:59", ""),
        (LawSettings("UY"), "", "America/Montevideo", "2026-05-16 17:00", "hours"),
        (LawSettings("UY"), "", "America/Montevideo", "2026-08-25 12:00", "holiday"),
        (LawSettings("BR"), "", "America/Sao_Paulo", "2026-05-16 10:00", ""),
        (LawSettings("BR"), "", "America/Sao_Paulo", "2026-05-16 16:00", "hours"),
        (LawSettings("BR"), "", "America/Sao_Paulo", "2026-09-07 12:00", "holiday"),
        # No country: no rules; one without a file: decent hours.
        (LawSettings(""), "", NY, "2026-05-17 03:00", ""),
        (LawSettings("NONE"), "", NY, "2026-05-17 03:00", ""),
        (LawSettings("Elbonia"), "", NY, "2026-05-17 03:00", "hours"),
        (LawSettings("US", holidays=True), "", NY, "2026-07-04 12:00", "holiday"),
    ],
)
def test_when_somebody_may_be_called(
    settings: LawSettings, state: str, zone: str, at: str, held: str
) -> None:
    assert {str(ban) for ban in bans(settings, zone, at, state)} == ({held} if held else set())


NOON = datetime(2026, 5, 13, 12, tzinfo=ZoneInfo(NY))


def before(*hours: float) -> tuple[Contacted, ...]:
    return tuple(Contacted(NOON - timedelta(hours=h)) for h in hours)


@pytest.mark.parametrize(
    ("settings", "state", "calls", "held"),
    [
        (BY_STATE, "FL", before(1, 2, 3), {Ban.CAP}),
        (BY_STATE, "FL", before(1, 2, 24), set()),
        (BY_STATE, "OK", before(1, 2, 3), {Ban.CAP}),
        (BY_STATE, "MD", before(1, 2, 3), {Ban.CAP}),
        (BY_STATE, "TX", before(1, 2, 3), set()),
        (LawSettings("US", ("REGF",)), "", before(*range(1, 8)), {Ban.CAP}),
        (LawSettings("US", ("REGF",)), "", before(*range(1, 7)), set()),
        (LawSettings("REG-F"), "", (Contacted(NOON, spoke=NOON - timedelta(days=6)),), {Ban.CONVERSATION}),
        (LawSettings("UK"), "", (Contacted(NOON, abandoned=NOON - timedelta(hours=71)),), {Ban.ABANDONED}),
        (LawSettings("EU"), "", before(100, 200, 300, 400), {Ban.CAP}),
        *(
            (LawSettings(name), "", (Contacted(NOON, abandoned=NOON - timedelta(hours=71)),), {Ban.ABANDONED})
            for name in ("US", "REGF", "EU", "MX", "UY", "BR", "Elbonia")
        ),
        (US, "", (Contacted(NOON, abandoned=NOON - timedelta(hours=72)),), set()),
        (LawSettings("NONE"), "", (Contacted(NOON, abandoned=NOON - timedelta(hours=1)),), set()),
    ],
)
def test_how_often_somebody_may_be_called(
    settings: LawSettings, state: str, calls: tuple[Contacted, ...], held: set[Ban]
) -> None:
    law = BOOK.law(settings, state)
    facts = Facts(zones=(ZoneInfo(NY),), holiday=holiday_of, calls=calls)
    assert {hold.ban for hold in may_call(law, facts, NOON).holds} == held


def test_every_rule_has_a_source_and_every_law_with_hours_has_zones_to_fall_back_on() -> None:
    for law in {*BOOK.laws.values(), *BOOK.states.values()}:
        assert all(rule.source for rule in law.rules), law.name
    for name in ("US", "REGF", "UK", "EU", "MX", "UY", "BR"):
        assert zones(BOOK.laws[name].zones), name
        assert BOOK.laws[name].title
    assert len(BOOK.states) == 51
    assert BOOK.areas["502"] == "KY"


@pytest.mark.parametrize("name", ["US", "USA", "UK", "GB", "GBR"])
def test_a_country_that_paces_by_its_own_rules_has_its_own_law(name: str) -> None:
    assert profile_for(name).name == BOOK.laws[name].name


def test_a_whole_year_of_next_moments_is_inside_the_hours() -> None:
    """For each law and every seventh hour of a year, in a zone of both clock changes."""
    facts = Facts(zones=(ZoneInfo(NY),), holiday=holiday_of)
    for name in ("US", "UK", "EU", "MX", "UY", "BR"):
        law = BOOK.law(LawSettings(name))
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        while moment.year == 2026:
            found = next_moment(law, facts, moment)
            assert found is not None
            assert 8 <= found.astimezone(ZoneInfo(NY)).hour < 21
            moment += timedelta(hours=7)


def test_own_files_win_and_a_broken_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "ar.toml").write_text(
        'region = "AR"\nzones = ["America/Argentina/Buenos_Aires"]\n'
        '[[rule]]\nkind = "hours"\nhours = "mon-fri;09:00-19:59"\nsource = "own"\n'
    )
    book = load_laws(tmp_path)
    assert book.law(LawSettings("AR")).region == "AR"
    (tmp_path / "ar.toml").write_text('[[rule]]\nkind = "hours"\nhours = "daily"\nsource = "own"\n')
    with pytest.raises(FieldError, match=r"ar.toml.rule\[1\].hours"):
        load_laws(tmp_path)
    (tmp_path / "ar.toml").write_bytes(b"\xff = [")
    with pytest.raises(FieldError, match=r"ar\.toml: it is not TOML"):
        load_laws(tmp_path)
    with pytest.raises(FieldError, match=r"law.folder: .*missing is not a folder"):
        load_laws(tmp_path / "missing")


@pytest.mark.parametrize(
    ("number", "region", "key", "country", "where"),
    [
        ("5025551234", "US", "15025551234", "US", {NY}),
        ("+1 502 555 1234".replace(" ", ""), "", "15025551234", "US", {NY}),
        ("15025551234", "US", "15025551234", "US", {NY}),
        ("2705551234", "US", "12705551234", "US", {NY, CHICAGO}),  # the area lies in both
        ("8505551234", "US", "18505551234", "US", {NY, CHICAGO}),
        ("8005551234", "US", "18005551234", "US", set()),  # nowhere in particular
        ("099123456", "UY", "59899123456", "UY", {"America/Montevideo"}),
        ("+5511987654321", "US", "5511987654321", "BR", {"America/Sao_Paulo"}),
        ("1001", "US", "1001", "", set()),
        ("*43", "US", "*43", "", set()),
    ],
)
def test_a_number_says_where_it_is(number: str, region: str, key: str, country: str, where: set[str]) -> None:
    place = place_of(number, region)
    assert (place.key, place.country, set(place.zones)) == (key, country, where)
    assert number.removeprefix("+") in place.forms
    assert key in place.forms


def test_holidays_of_a_country_or_state_that_nobody_knows_are_none() -> None:
    assert holiday_of("US", "KY", date(2026, 7, 4)) == "Independence Day"
    assert holiday_of("XX", "", date(2026, 1, 1)) == ""
    assert holiday_of("", "", date(2026, 1, 1)) == ""
    assert holiday_of("US", "ZZ", date(2026, 1, 1)) == "New Year's Day"


@pytest.mark.parametrize(
    ("dialer", "options", "message"),
    [
        ({"rule": "STATES"}, None, "rule: 'STATES' is unknown"),
        ({}, {"cap_calls": 0, "cap_hours": 24}, "law_options.cap_calls"),
        ({}, {"consent": "maybe"}, "law_options.consent"),
        (
            {"country": "UK", "rule": "STATE"},
            None,
            "rule: STATE means .*'UK'. Take STATE out, or set country to US",
        ),
        ({"country": "EU", "rule": "STATE"}, None, "rule: STATE means the states of the US"),
        ({"country": "Elbonia", "rule": "STATE"}, None, "rule: STATE means the states of the US"),
        (
            {"country": ""},
            {"holidays": 1},
            "law_options.holidays: nobody knows whose.*Set dialers.country to a",
        ),
        ({"country": "none"}, {"holidays": 1}, "law_options.holidays: nobody knows whose"),
        ({"country": "Elbonia"}, {"holidays": 1}, "law_options.holidays: .*'ELBONIA'"),
    ],
)
def test_settings_of_a_campaign_are_checked(
    dialer: dict[str, object], options: dict[str, object] | None, message: str
) -> None:
    with pytest.raises(FieldError, match=message):
        BOOK.settings(dialer, options)


def test_settings_of_a_campaign() -> None:
    plain = BOOK.settings({"country": " usa ", "rule": "none"}, None)
    assert plain == LawSettings("USA")
    rich = BOOK.settings(
        {"country": "US", "rule": "state, regf"},
        {"law": "", "cap_calls": 2, "cap_hours": 24, "rest_hours": 48, "consent": "always", "holidays": 1},
    )
    assert rich.rules == ("STATE", "REGF")
    law = BOOK.law(rich, "KY")
    assert law.looks_back == timedelta(hours=168)
    assert law.registries == {"US"}
    lawless_there = BOOK.settings({"country": "US"}, {"law": "none"})
    assert (lawless_there.country, BOOK.law(lawless_there).rules) == ("NONE", ())
    assert BOOK.law(lawless_there).region == "US", "its national numbers are those of the dialer's country"


@pytest.mark.parametrize(
    ("country", "rule", "law", "expected"),
    [
        ("", "", None, True),
        (" ", "NONE", "", True),
        (None, None, None, True),
        ("none", "", None, False),
        ("US", "", None, False),
        ("", "STATE", None, False),
        ("", "", "UK", False),
    ],
)
def test_a_dialer_for_which_nobody_named_a_law_is_told_apart_from_one_that_needs_none(
    country: str | None, rule: str | None, law: str | None, expected: bool
) -> None:
    assert lawless({"country": country, "rule": rule}, None if law is None else {"law": law}) is expected


DENVER, PHOENIX, BOISE, PACIFIC = "America/Denver", "America/Phoenix", "America/Boise", LA
#: Area codes of the states with several zones that do not lie in one of them: all the others do.
SPLIT = {
    "270": {NY, CHICAGO}, "364": {NY, CHICAGO}, "606": {NY, CHICAGO},
    "850": {NY, CHICAGO}, "448": {NY, CHICAGO},
    "219": {NY, CHICAGO}, "574": {NY, CHICAGO}, "812": {NY, CHICAGO}, "930": {NY, CHICAGO},
    "906": {NY, CHICAGO}, "423": {NY, CHICAGO}, "729": {NY, CHICAGO},
    "541": {DENVER, LA}, "458": {DENVER, LA},
    "208": {BOISE, DENVER, LA}, "986": {BOISE, DENVER, LA}, "775": {BOISE, DENVER, LA},
    "620": {CHICAGO, DENVER}, "785": {CHICAGO, DENVER}, "308": {CHICAGO, DENVER}, "928": {DENVER, PHOENIX},
    "605": {CHICAGO, DENVER, "America/North_Dakota/Center"},
    "701": {CHICAGO, DENVER, "America/North_Dakota/Center"},
    "907": {"America/Adak", "America/Anchorage", "America/Juneau", "Pacific/Honolulu"},
    "689": {NY, CHICAGO},  # some of its numbers are known under Chicago
}  # fmt: skip


def test_an_area_code_lies_in_all_the_zones_of_its_area_the_youngest_too() -> None:
    """Every area code of every state of several zones."""
    for state, law in BOOK.states.items():
        for area in (area for area, its in BOOK.areas.items() if its == state):
            found = set(place_of(f"{area}5551234", "US").zones)
            assert found <= set(law.zones), area
            if area in SPLIT:
                assert found == SPLIT[area], area
            else:
                assert len(found) == 1, area


def test_an_overlay_has_the_zones_and_the_state_of_the_code_that_it_is_laid_over() -> None:
    for code, origins in ((code, overlaid(code)) for code in overlay_codes()):
        zones_of = {origin: set(place_of(f"+1{origin}5551234").zones) for origin in origins}
        assert set().union(*zones_of.values()) == zones_of[code] != set(), code
        assert len({BOOK.areas.get(origin) for origin in origins}) == 1, code
    assert {overlaid(code) for code in ("212", "305")} == {frozenset(("212",)), frozenset(("305",))}
    assert set(place_of("+12365551234").zones) == {"America/Vancouver", "America/Edmonton"}  # of 604 and 250


@pytest.mark.parametrize("area", ["203", "310", "713", "718"])
def test_no_old_area_code_is_forgotten(area: str) -> None:
    assert area in BOOK.areas


def test_every_law_but_none_gives_somebody_rest_after_an_abandoned_call() -> None:
    resting = {name for name, law in BOOK.laws.items() if any(isinstance(rule, Rest) for rule in law.rules)}
    assert set(BOOK.laws) - resting == {"NONE", "OFF"}


@pytest.mark.parametrize(
    ("country", "at", "held"),
    [
        ("FR", "2026-05-13 11:00", {"consent"}),  # live calls, too
        ("FR", "2026-07-14 11:00", {"consent", "holiday"}),
        ("RE", "2026-07-14 11:00", {"consent", "holiday"}),
        ("DE", "2026-05-14 11:00", set()),
        ("", "2026-05-14 11:00", set()),
    ],
)
def test_numbers_of_a_member_state_with_a_file_have_its_rules_too(
    country: str, at: str, held: set[str]
) -> None:
    law = BOOK.law(LawSettings("EU"), country=country)
    assert law.region == "", "nobody knows whose national numbers they are"
    facts = Facts(zones=(ZoneInfo("Europe/Paris"),), holiday=holiday_of)
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Paris"))
    assert {str(hold.ban) for hold in may_call(law, facts, moment).holds} == held


def test_a_law_that_names_another_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "benelux.toml").write_text('countries = { BE = "BE" }\n')
    with pytest.raises(FieldError, match=r"benelux.toml.countries.BE: 'BE' is no law file"):
        load_laws(tmp_path)
    (tmp_path / "benelux.toml").write_text('countries = ["BE"]\n')
    with pytest.raises(FieldError, match=r"benelux.toml.countries: it is not a table"):
        load_laws(tmp_path)


@pytest.mark.parametrize(
    ("settings", "country", "state", "day", "held"),
    [
        (LawSettings("BR", holidays=True), "BR", "SP", "2026-07-09", True),
        (LawSettings("BR", holidays=True), "BR", "são paulo", "2026-07-09", True),
        (LawSettings("BR", holidays=True), "BR", "SC", "2026-07-09", False),
        (LawSettings("BR"), "BR", "SP", "2026-07-09", False),
        (LawSettings("EU", holidays=True), "DE", "", "2026-05-14", True),
        (LawSettings("EU", holidays=True), "DE", "BY", "2026-06-04", True),
        (LawSettings("EU", holidays=True), "DE", "BE", "2026-06-04", False),
        (LawSettings("ES", holidays=True), "ES", "", "2026-10-12", True),
        (LawSettings("Spain", holidays=True), "", "", "2026-10-12", True),
        (LawSettings("AR", holidays=True), "AR", "", "2026-05-25", True),
        (LawSettings("CO", holidays=True), "", "", "2026-07-20", True),
        (LawSettings("US", holidays=True), "CA", "ON", "2026-07-01", True),
        (LawSettings("US", holidays=True), "US", "NM", "2026-07-01", False),
    ],
)
def test_own_holidays_are_those_of_the_contacts_country_and_state(
    settings: LawSettings, country: str, state: str, day: str, held: bool
) -> None:
    law = BOOK.law(settings, country=country, part=subdivision(country, state))
    facts = Facts(zones=(ZoneInfo("UTC"),), holiday=holiday_of)
    noon = datetime.fromisoformat(f"{day} 11:00").replace(tzinfo=UTC)
    assert (Ban.HOLIDAY in {hold.ban for hold in may_call(law, facts, noon).holds}) is held


def test_a_black_list_may_have_a_number_as_it_is_dialled_from_abroad() -> None:
    assert "00447700900123" in place_of("07700900123", "GB").forms
    assert "4407700900123" in place_of("+447700900123", "").forms  # +44 07700 …
    assert "103055551234" not in place_of("3055551234", "US").forms
    assert {"0013055551234", "01113055551234"} <= set(place_of("3055551234", "US").forms)
    assert "011447700900123" not in place_of("07700900123", "GB").forms  # 011… is a national number there
    assert place_of("00447700900123").key == "447700900123"


def test_rules_of_a_country_that_another_law_names_are_part_of_what_a_campaign_keeps() -> None:
    """So who is held by them is judged anew when they change."""
    europe = CampaignLaw(settings=LawSettings(country="EU"))
    laws = {**BOOK.laws, "FR": replace(BOOK.laws["FR"], rules=())}
    changed = LawBook(laws, BOOK.states, BOOK.areas, BOOK.countries)
    assert fingerprint(Legal(BOOK), europe) != fingerprint(Legal(changed), europe)
    assert fingerprint(Legal(BOOK), europe) == fingerprint(Legal(BOOK), europe)
