"""docs/law.md shows what the law files say: every rule with its source, and no other."""

from __future__ import annotations

import re
from datetime import timedelta

from engine.adapters.lawbooks import load_laws
from engine.domain.law import Law, LawSettings
from engine.domain.law.prospect import SCHEDULED
from engine.domain.law.rules import Cap, Consent, Counts, Holidays, Hours, Registry, Rest, Ring, Rule
from engine.domain.law.verdict import Ban
from engine.resources import law_folder, resource

BOOK = load_laws()
DOC = resource("docs/law.md").read_text("utf-8")


def says(rule: Rule) -> tuple[str, str]:
    """Return the kind of a rule and what it says, as the page has them."""
    match rule:
        case Hours():
            return "hours", rule.text
        case Holidays():
            return "holidays", f"{rule.country} {rule.state}".strip()
        case Cap():
            what = "calls" if rule.counts is Counts.PLACED else "rang"
            return "cap", f"{rule.calls} in {rule.window / timedelta(hours=1):g} h ({what})"
        case Rest():
            spared = ", not where an agent is reserved" if rule.spared else ""
            return "rest", f"{rule.length / timedelta(hours=1):g} h after {rule.after.value}{spared}"
        case Ring():
            return "ring", f"at least {rule.seconds} s"
        case Consent():
            return "consent", f"needed: {rule.when.value}"
        case Registry():
            return "registry", rule.name


def rows() -> list[str]:
    laws: list[tuple[str, Law]] = []
    for path in sorted(law_folder().glob("*.toml")):
        if path.stem == "us_states":
            laws += [(f"us, {state}", law) for state, law in sorted(BOOK.states.items())]
        else:
            laws.append((path.stem, BOOK.laws[path.stem.upper()]))
    return [
        f"| {name} | {' | '.join(says(rule))} | {rule.source} |" for name, law in laws for rule in law.rules
    ]


def test_the_table_of_the_rules_is_that_of_the_law_files() -> None:
    _, _, table = DOC.partition("| law | rule | what it says | source |\n|---|---|---|---|\n")
    assert table.splitlines() == rows()


def test_the_page_says_which_law_a_dialer_has() -> None:
    """An empty country, one without a file, and every file by its name."""
    assert "A country without a file of its own gets\n`default`. Empty or `none` means no law" in DOC
    assert BOOK.base(LawSettings("")).rules == BOOK.base(LawSettings("NONE")).rules == ()
    assert BOOK.base(LawSettings("Elbonia")) == BOOK.laws["DEFAULT"]
    [files] = re.findall(r"names the law file \((.*) …\)", DOC)
    named = set(re.findall(r"`(\w+)`", files))
    assert {name.lower() for name in named} == {path.stem for path in law_folder().glob("*.toml")} - {
        "default", "none", "us_states",
    }  # fmt: skip


def test_every_word_of_held_contacts_is_explained() -> None:
    views = resource("schema.sql").read_text("utf-8").partition("VIEW ccdata.held_spool")[2]
    views = views.partition("VIEW ccdata.held_contacts")[0]
    rules = re.findall(r"\n      CASE\n(.*?)END AS rule", views, re.DOTALL)
    assert len(rules) == 2
    words = set(re.findall(r"(?:THEN|ELSE) '(\w+)'", "".join(rules))) | {"retry", SCHEDULED}
    words -= {"law", "own"}  # the rule of the outlook, or the one that a claim has written into the row
    bans = {str(ban) for ban in Ban} - {"ring", "zone"}  # the first stops the campaign, the second no law has
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", DOC, re.MULTILINE))))
    assert words | bans | {"double"} == explained - {"held_by"}
