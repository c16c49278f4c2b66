"""What `overdial status` and `overdial top` show, on wide terminals and narrow ones."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from engine.desk.screen import screen

SEATS = {"ready": 3, "ringing": 0, "talking": 2, "wrapup": 1, "paused": 0}
STANDING = {"answered": 100.0, "abandoned": 2.0, "left": 1.0}


def a_campaign(name: str = "SALES<-", state: str = "running", **changes: Any) -> dict[str, Any]:
    return {
        "campaign": name,
        "state": state,
        "seats": SEATS,
        "dialling": 4,
        "waiting": 0,
        "bound": "agents",
        "reason": "3 free agents",
        "field": "",
        "standing": STANDING,
        **changes,
    }


def found(**changes: Any) -> dict[str, Any]:
    engine = {
        "role": "leading",
        "leader": "one",
        "calls": 6,
        "events": 0,
        "lag": 0.0,
        "entries": 0,
        "components": [{"name": "asterisk", "ok": True, "detail": "linked"}],
        "trunks": [
            {"trunk": "CARRIER", "calls": 6, "channels": 30, "cps": None, "failures": 0, "resting": False}
        ],
    }
    known = {"leader": {"owner": "one", "seconds": 8}, "drains": []}
    return {
        "version": "1.0",
        "answers": True,
        "healthy": True,
        "ready": True,
        "engine": engine,
        "tables": known,
        "campaigns": [a_campaign()],
        **changes,
    }


def shown(picture: dict[str, Any], width: int = 200) -> str:
    console = Console(width=width, record=True, force_terminal=False, file=io.StringIO())
    console.print(screen(picture, width))
    return console.export_text()


def test_a_healthy_engine_is_told_with_its_campaigns_and_trunks() -> None:
    text = shown(found())
    for words in ("leading", "ready", "asterisk", "SALES<-", "2.0 %", "3 free agents", "CARRIER", "30"):
        assert words in text, text


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_long_reason_never_costs_a_campaign_its_name(width: int) -> None:
    aside = a_campaign("OTHER<-", "set_aside", field="schedule", reason="schedule: it is odd. " * 30)
    text = shown(found(campaigns=[a_campaign(), aside]), width)
    for words in ("SALES<-", "OTHER<-", "set_aside", "running"):
        assert words in text, text


def test_what_does_not_work_stands_out() -> None:
    picture = found(ready=False)
    picture["engine"]["components"].append({"name": "journal", "ok": False, "detail": "no room on the disk"})
    picture["tables"] = {"fault": "cannot connect"}
    text = shown(picture)
    for words in ("NOT READY", "FAIL", "no room on the disk", "cannot connect"):
        assert words in text, text
    assert "STUCK" in shown(found(healthy=False, ready=False))


def test_without_an_engine_the_tables_tell() -> None:
    drains = [{"campaign": "*", "reason": "new cards"}]
    picture = found(
        answers=False,
        engine={},
        campaigns=[a_campaign(age=90, standing=None)],
        tables={"leader": {"owner": "two", "seconds": 5}, "drains": drains},
    )
    text = shown(picture)
    for words in (
        "no engine answers here",
        "two leads",
        "every campaign (new cards)",
        "nothing was written for 90 s",
    ):
        assert words in text, text
    assert "no campaign" in shown(found(campaigns=[]))
    assert "starting" in shown(found(engine={}, campaigns=[]))
    away = found(answers=False, engine={}, campaigns=[], tables={"fault": "cannot connect"})
    assert "nor do the tables" in shown(away)
    assert "no campaign" not in shown(away)  # nobody knows
