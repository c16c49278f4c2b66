"""Every way of dialling refuses to start with settings that are missing or contradict each other, and says
which field is meant."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.errors import FieldError
from engine.domain.modes import Mode
from engine.domain.scripts import read_script
from engine.domain.settings import read_dialer
from tests.ways import SETTINGS

DIALER: dict[str, Any] = {
    "campaign": "WAYS->", "schedule": "sun-sat;00:00-23:59", "status": 1, "dialstring": "SIP/CARRIER/",
    "exten": "${EXTEN}", "am": 0, "sound": "", "maxchannels": 2, "variables": "", "timeout": 30,
    "callerid": "18885751288", "retries": 0, "callerpres": 0, "tbc": 0, "dncr": 1, "tbc_nocontact": 0,
}  # fmt: skip
OPTIONS: dict[str, Any] = {
    "customer_first": 0, "agent_decides": 0, "decision_time": 30, "later": 60, "machines": "hangup",
    "machine_sound": "", "recording": "none",
}  # fmt: skip
BROADCAST: dict[str, Any] = {
    "menu": "", "wait": 5, "again": 0, "survey": "", "consent": 0, "record": 0, "tts": "",
}  # fmt: skip
QUEUE: dict[str, Any] = {"name": "WAYS->", "queue_timeout": 5, "wrapuptime": 0}

EVERYWHERE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"dialstring": ""}, "dialstring"),
    ({"schedule": "whenever"}, "schedule"),
    ({"context": ""}, "context"),
    ({"exten": "${SHELL(x)}"}, "exten"),
    ({"timeout": 0}, "timeout"),
    ({"maxchannels": -1}, "maxchannels"),
    ({"am": 7}, "am"),
    ({"callerid": "P#"}, "callerid"),
    ({"variables": "OD_AGENT=x"}, "variables"),
    ({"machines": "perhaps"}, "dialer_options.machines"),
    ({"machines": "message"}, "dialer_options.machine_sound"),
    ({"machine_sound": "a b"}, "dialer_options.machine_sound"),
    ({"recording": "some"}, "dialer_options.recording"),
    ({"decision_time": 1}, "dialer_options.decision_time"),
    ({"later": 0}, "dialer_options.later"),
)
BY_MODE: dict[Mode, tuple[tuple[dict[str, Any], str], ...]] = {
    Mode.POWER: (
        ({"customer_first": 1}, "dialer_options.customer_first"),
        ({"agent_decides": 1}, "dialer_options.agent_decides"),
        ({"context": "VoiceBroadCast"}, "context"),
    ),
    Mode.PREDICTIVE: (
        ({"customer_first": 1}, "dialer_options.customer_first"),
        ({"agent_decides": 1}, "dialer_options.agent_decides"),
        ({"context": "VoiceBroadCast"}, "context"),
    ),
    Mode.PREVIEW: (
        ({"customer_first": 1}, "dialer_options.customer_first"),
        ({"context": "VoiceBroadCast"}, "context"),
    ),
    Mode.PROGRESSIVE: (({"context": "VoiceBroadCast"}, "context"),),
    Mode.REVERSE_PROGRESSIVE: (({"agent_decides": 1}, "dialer_options.customer_first"),),
    Mode.TCPA_PREVIEW: (({"customer_first": 1}, "dialer_options.customer_first"),),
    Mode.TCPA_PROGRESSIVE: (({"customer_first": 1}, "dialer_options.customer_first"),),
    Mode.BROADCAST: (
        ({"sound": ""}, "sound"),
        ({"sound": "../x"}, "sound"),
        ({"agent_decides": 1}, "dialer_options.agent_decides"),
        ({"context": "PowerDialer"}, "context"),
        ({"context": "Preview"}, "context"),
        ({"menu": "1=queue", "queue": None}, "broadcast_options.menu"),
        ({"menu": "1=fly"}, "broadcast_options.menu"),
        ({"consent": 1, "menu": "1=end"}, "broadcast_options.menu"),
        ({"consent": 1, "survey": "a=b"}, "broadcast_options.survey"),
        ({"record": 5}, "broadcast_options.record"),
        ({"wait": 0}, "broadcast_options.wait"),
        ({"sound": "", "tts": "Hello", "speaks": False}, "broadcast_options.tts"),
    ),
}
CASES = [
    *((mode, changes, field) for mode in Mode for changes, field in (*EVERYWHERE, *BY_MODE[mode])),
    *((mode, {"queue": None}, "campaign") for mode in Mode if mode is not Mode.BROADCAST),
]


def start(mode: Mode, **changes: Any) -> Mode:
    """Read the rows of a campaign as the engine does; `changes` go to whichever table has the column."""
    kind, options = SETTINGS[mode]
    queue, speaks = changes.pop("queue", QUEUE), changes.pop("speaks", True)
    sound = "hello" if mode is Mode.BROADCAST else ""
    rows = [{**DIALER, "dialertype": kind, "context": kind, "sound": sound}, OPTIONS | options, BROADCAST]
    dialer_row, options_row, broadcast = (
        {**row, **{name: value for name, value in changes.items() if name in row}} for row in rows
    )
    dialer = read_dialer(dialer_row, queue, options=options_row)
    if dialer.mode is Mode.BROADCAST:
        read_script(dialer.sound, broadcast, dialer.options, has_queue=queue is not None, speaks=speaks)
    return dialer.mode


@pytest.mark.parametrize("mode", list(Mode))
def test_a_mode_with_its_settings_starts(mode: Mode) -> None:
    assert start(mode) is mode
    assert start(mode, context="my-own-flow") is mode


@pytest.mark.parametrize(("mode", "changes", "field"), CASES)
def test_missing_or_contradictory_settings_name_their_field(
    mode: Mode, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(FieldError) as caught:
        start(mode, **changes)
    assert caught.value.field == field
    assert caught.value.fix
