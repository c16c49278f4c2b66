"""The picture of `overdial status` and `overdial top`, from plain values to something that rich can print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_SEATS = ("ready", "ringing", "talking", "wrapup", "paused")
_STATES = {
    "running": "green",
    "draining": "yellow",
    "drained": "yellow",
    "off_schedule": "blue",
    "set_aside": "red",
}


#: On narrower terminals (columns) a campaign's reason and budget are left out.
_NARROW = 120
#: On those of a telephone only what decides stays of a campaign, so that its name does.
_TINY = 70


def screen(found: Mapping[str, Any], width: int) -> RenderableType:
    """Return one picture for a terminal of `width` columns."""
    return Group(*_parts(found, width))


def _parts(found: Mapping[str, Any], width: int) -> Iterator[RenderableType]:
    engine, tables = found["engine"], found["tables"]
    yield _head(found)
    for component in engine.get("components", ()):
        mark = ("  ok   ", "green") if component["ok"] else ("  FAIL ", "bold red")
        yield Text.assemble(mark, f"{component['name']:<10}", component["detail"])
    if "fault" in tables:
        yield Text.assemble(("  FAIL ", "bold red"), f"{'tables':<10}", tables["fault"])
    for drain in tables.get("drains", ()):
        name = "every campaign" if drain["campaign"] == "*" else drain["campaign"]
        yield Text(f"  drained: {name} ({drain['reason'] or 'no reason was given'})", style="yellow")
    if engine:
        yield Text(
            f"  {engine['calls']} calls, {engine['events']} events waiting, {engine['lag']:.2f} s behind,"
            f" {engine['entries']} outcomes not written yet"
        )
    yield Text()
    if engine or "fault" not in tables:  # of what nobody could tell nothing is said
        yield _campaigns(found["campaigns"], width)
    if engine.get("trunks"):
        yield Text()
        yield _trunks(engine["trunks"], width)


def _head(found: Mapping[str, Any]) -> Text:
    engine, leader = found["engine"], found["tables"].get("leader")
    if not found["answers"]:
        who = "nobody leads"
        if leader and leader["seconds"] > 0:
            who = f"{leader['owner']} leads"
        told = "nor do the tables" if "fault" in found["tables"] else f"by the tables {who}"
        silent = ("no engine answers here", "bold red")
        return Text.assemble(("Overdial ", "bold"), silent, f"; {told}")
    if not engine:
        return Text.assemble(("Overdial ", "bold"), found["version"], "  starting")
    mood = ("ready", "green") if found["ready"] else ("NOT READY", "bold red")
    if not found["healthy"]:
        mood = ("STUCK", "bold red")
    led = "" if engine["role"] == "leading" else f" (leader: {engine['leader'] or 'nobody'})"
    return Text.assemble(("Overdial ", "bold"), found["version"], "  ", engine["role"], led, "  ", mood)


def _campaigns(campaigns: list[dict[str, Any]], width: int) -> RenderableType:
    if not campaigns:
        return Text("no campaign")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("campaign", "state"):
        table.add_column(name, no_wrap=True)
    wide = width >= _NARROW
    budget = ("abandoned", "left") if wide else ()
    tiny = width < _TINY
    numbers = ("ready", "talk") if tiny else ("ready", "ring", "talk", "wrap", "pause", "dialling", "waiting")
    for name in (*numbers, *budget):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("bound", no_wrap=True)
    if wide:
        table.add_column("why", ratio=1)
    for one in campaigns:
        seats, standing = one["seats"], one.get("standing")
        lost = left = "-"
        if standing and standing["answered"]:
            lost = f"{100 * standing['abandoned'] / standing['answered']:.1f} %"
            left = f"{standing['left']:.1f}"
        age = one.get("age") or 0
        why = f"(nothing was written for {age} s) " if age > 10 else ""
        field = f"{one['field']}: " if one.get("field") else ""
        reason = Text(why + field + one["reason"], no_wrap=True, overflow="ellipsis")
        table.add_row(
            one["campaign"],
            Text(one["state"], style=_STATES.get(one["state"], "dim")),
            *(str(seats.get(name, 0)) for name in (("ready", "talking") if tiny else _SEATS)),
            *(() if tiny else (str(one["dialling"]), str(one["waiting"]))),
            *((lost, left) if wide else ()),
            one["bound"],
            *((reason,) if wide else ()),
        )
    return table


def _trunks(trunks: list[dict[str, Any]], width: int) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("trunk", no_wrap=True)
    for name in ("calls", "of", "cps", "failures in a row" if width >= _TINY else "failed"):
        table.add_column(name, justify="right")
    table.add_column("")
    for trunk in trunks:
        limits = ["-" if trunk[name] is None else f"{trunk[name]:g}" for name in ("channels", "cps")]
        mood = Text("rests", style="bold red") if trunk["resting"] else Text("ok", style="green")
        table.add_row(trunk["trunk"], str(trunk["calls"]), *limits, str(trunk["failures"]), mood)
    return table
