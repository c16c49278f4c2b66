"""`overdial explain`: what a campaign is doing; why a number or contact is (not) called."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from engine.adapters.mysql.explain import explain as explain_campaign
from engine.adapters.mysql.why import Entry, Reason, Standing, Story, why
from engine.desk.common import CONFIG, Desk, as_json, at_desk, fail
from engine.domain.errors import FieldError
from engine.domain.localtime import LocalTime

_KINDS = {
    "opt_out": "opted out",
    "black_list": "on the black list",
    "temporary": "on the temporary black list",
    "consent": "has agreed",
    "withdrawn": "has withdrawn the consent",
}


@click.command()
@CONFIG
@click.option("--last", default=10, show_default=True, type=click.IntRange(1, 60), help="Decisions shown.")
@click.option("--json", "plain", is_flag=True, help="A number's or contact's story for programs; times UTC.")
@click.argument("what")
def explain(config: Path | None, last: int, plain: bool, what: str) -> None:
    """Tell what campaign WHAT is doing, and why it placed the calls that it did; or, for a number, a contact
    id or the id of a row of the spool (#12), which rules hold it back and when each ends."""

    if not what.strip():
        fail("what: it is empty. Fix: give a campaign, a number, a contact id or #ROW.")

    async def work(desk: Desk) -> str | None:
        told = await explain_campaign(desk.database, what, last)
        if told is not None and plain:
            raise FieldError(
                "json", f"{what} is a campaign", "Read ccdata.campaign_state and ccdata.decisions."
            )
        if told is not None:
            return told
        story = await why(desk.database, desk.legal, desk.local, what, datetime.now(UTC))
        if story is None:
            return None
        return as_json(story) if plain else "\n".join(lines_of(story, desk.local))

    text = at_desk(config, work)
    if text is None:
        fail(
            f"{what!r} is no campaign that ran, and no number or contact in spool, lists or history."
            " Fix: SELECT campaign FROM ccdata.campaign_state."
        )
    click.echo(text)


def lines_of(story: Story, local: LocalTime) -> Iterator[str]:
    """Tell a story to a person, moments in local time."""
    for standing in story.standings:
        yield from _standing(standing, local)
    for entry in story.entries:
        yield _entry(entry)
    for one in story.appointments:
        who = f" for agent {one.agent}" if one.agent else ""
        yield f"scheduled for {one.at:%Y-%m-%d %H:%M} in {one.campaign}{who}"
        if one.reason is not None:
            yield _reason(one.reason, local)
    for call in story.calls:
        then = f", then {call.next_step}" if call.next_step else ""
        by = f" with {call.agent}" if call.agent else ""
        yield f"called {_local(call.at, local)} in {call.campaign}: {call.outcome}{by}{then}"


def _standing(row: Standing, local: LocalTime) -> Iterator[str]:
    base = f" in list {row.list}" if row.list else " as a task"
    name = f", contact {row.contact}" if row.contact else ""
    yield f"#{row.id} {row.destination}{name}: campaign {row.campaign}{base}, priority {row.priority}"
    for reason in row.reasons:
        yield _reason(reason, local)
    if not row.reasons:
        yield "  nothing holds it: it waits for its turn"
    elif row.opens is not None:
        yield f"  may be called from {_local(row.opens, local)}"


def _reason(reason: Reason, local: LocalTime) -> str:
    end = f"until {_local(reason.until, local)}" if reason.until else "does not end by itself"
    return f"  {reason.rule}: {reason.text} — {end}"


def _entry(entry: Entry) -> str:
    where = "everywhere" if entry.campaign == "*" else f"in {entry.campaign}"
    words = [_KINDS[entry.kind], where]
    if entry.since:
        words.append(f"since {entry.since:%Y-%m-%d}")
    if entry.until:
        words.append(f"until {entry.until:%Y-%m-%d %H:%M}")
    if entry.by:
        words.append(f"by {entry.by}")
    return " ".join(words)


def _local(at: datetime, local: LocalTime) -> str:
    return f"{local.at(at):%Y-%m-%d %H:%M %Z}"
