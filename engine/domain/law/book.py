"""All laws together: which of them hold for a campaign and a contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import reduce
from operator import add
from typing import Any

from engine.domain.errors import FieldError, excerpt
from engine.domain.law.rules import After, Cap, Consent, Counts, Holidays, Law, Rest, When

#: The law of a dialer whose `country` is empty, which is the documented default: no rule.
NONE = Law("NONE")
#: The law of a dialer whose `country` is not in the book.
UNKNOWN = "DEFAULT"
_OWN = "own rule of the campaign (law_options)"


@dataclass(frozen=True, slots=True)
class LawSettings:
    """What a campaign says of the law: `dialers.country` and `rule`, and its row of `law_options`.

    `holidays`: no calls on the public holidays of the contact's country and state. `home`: ISO 3166 code of
    `dialers.country` where `law_options.law` names the law.
    """

    country: str = ""
    rules: tuple[str, ...] = ()
    own: Law = NONE
    holidays: bool = False
    home: str = ""

    @property
    def by_state(self) -> bool:
        """Do the rules of the contact's own state hold, too?"""
        return "STATE" in self.rules


@dataclass
class LawBook:
    """Laws by name in capitals, states by code, area codes (US) by number, ISO 3166 codes by the names that
    countries have (in capitals)."""

    laws: Mapping[str, Law]
    states: Mapping[str, Law] = field(default_factory=dict)
    areas: Mapping[str, str] = field(default_factory=dict)
    countries: Mapping[str, str] = field(default_factory=dict)
    _made: dict[tuple[LawSettings, str, str, str], Law] = field(default_factory=dict)

    def law(self, settings: LawSettings, state: str = "", country: str = "", part: str = "") -> Law:
        """Return what holds for a contact in `state` of the United States ('' = not known).

        `country`: ISO 3166 code of his number's ('' = that of the campaign); `part`: the subdivision of it
        whose holidays count, too. With `rule` = STATE, somebody whose state is not known is protected by the
        rules of all states.
        """
        asked = settings.holidays or bool(self.base(settings).countries)
        key = (
            settings,
            state if settings.by_state else "",
            country if asked else "",
            part if settings.holidays else "",
        )
        if key not in self._made:
            if len(self._made) > 1000:
                self._made.clear()
            self._made[key] = self._make(*key)
        return self._made[key]

    def region(self, name: str) -> str:
        """Return the ISO 3166 code of the country that `name` (of a law or a country) stands for; '' for none
        or several."""
        name = name.strip().upper()
        law = self.laws.get(name)
        return law.region if law else self.countries.get(name, "")

    def base(self, settings: LawSettings) -> Law:
        """Return the law of the campaign's country."""
        name = settings.country.strip().upper()
        return self.laws.get(name) or (self.laws.get(UNKNOWN, NONE) if name else NONE)

    def _make(self, settings: LawSettings, state: str, country: str, part: str) -> Law:
        parts = [self.base(settings)]
        parts += [
            replace(self.laws[name], region="") for place, name in parts[0].countries if place == country
        ]
        parts += [self.laws[name] for name in settings.rules if name in self.laws]
        if settings.by_state:
            known = self.states.get(state)
            parts += [known] if known else [replace(law, zones=()) for law in self.states.values()]
        if settings.own.rules:
            parts.append(settings.own)
        law = reduce(add, parts)
        region = parts[0].region or settings.home or self.region(settings.country) or law.region
        law = replace(law, region=region)
        if settings.holidays and (where := country or region):
            law += Law("holidays", (Holidays(where, part, _OWN),))
        return law

    def settings(self, dialer: Mapping[str, Any], options: Mapping[str, Any] | None) -> LawSettings:
        """Read a campaign's settings. Raises FieldError for a rule that nobody knows, or that cannot hold."""
        rules = tuple(
            word
            for word in str(dialer.get("rule") or "").upper().replace("+", ",").replace(" ", "").split(",")
            if word not in ("", "NONE")
        )
        for word in rules:
            if word != "STATE" and word not in self.laws:
                known = ", ".join(sorted(set(self.laws) - {UNKNOWN}))
                raise FieldError("rule", f"{excerpt(word)} is unknown", f"Use NONE, STATE or of {known}.")
        home = str(dialer.get("country") or "")
        named = str((options or {}).get("law") or "")
        settings = LawSettings(
            country=(named or home).strip().upper(),
            rules=rules,
            own=own_rules(options) if options else NONE,
            holidays=bool((options or {}).get("holidays")),
            home=self.region(home) if named else "",
        )
        self._check(settings)
        return settings

    def _check(self, settings: LawSettings) -> None:
        base = self.base(settings)
        if settings.by_state and base.rules and base.region != "US":
            problem = f"STATE means the states of the US, and the law is that of {excerpt(settings.country)}"
            raise FieldError("rule", problem, "Take STATE out, or set country to US.")
        known = base.region or base.countries or settings.home or self.region(settings.country)
        if settings.holidays and not known and not {"STATE", "REGF"} & set(settings.rules):
            problem = f"nobody knows whose: country is {excerpt(settings.country)}"
            fix = "Set dialers.country to a country, e.g. ES (law_options.law = none: no other rules)."
            raise FieldError("law_options.holidays", problem, fix)


def lawless(dialer: Mapping[str, Any], options: Mapping[str, Any] | None) -> bool:
    """Has nobody said which law holds for a dialer? One who wrote `none` has decided."""
    named = ((options or {}).get("law"), dialer.get("country"))
    rule = str(dialer.get("rule") or "").strip().upper()
    return not any(str(name or "").strip() for name in named) and rule in ("", "NONE")


def own_rules(row: Mapping[str, Any]) -> Law:
    """Read the rules that a campaign gives itself. Raises FieldError."""
    rules: list[Cap | Rest | Consent] = []
    calls, hours = row.get("cap_calls"), row.get("cap_hours")
    if calls is not None and hours is not None:
        if int(calls) < 1 or not float(hours) > 0:
            raise FieldError("law_options.cap_calls", "it is no cap", "Use 1 or more calls, or NULL.")
        rules.append(Cap(int(calls), timedelta(hours=float(hours)), Counts.PLACED, _OWN))
    if rest := row.get("rest_hours"):
        rules.append(Rest(After.CONVERSATION, timedelta(hours=float(rest)), False, _OWN))
    if word := str(row.get("consent") or "").strip().lower():
        if word not in {when.value for when in When}:
            raise FieldError(
                "law_options.consent", f"{excerpt(word)} is unknown", "Use prerecorded or always"
            )
        rules.append(Consent(When(word), _OWN))
    return Law("own", tuple(rules)) if rules else NONE
