"""What a supervisor writes for each way of dialling: `dialers.dialertype` and the row of `dialer_options`."""

from __future__ import annotations

from engine.domain.modes import Mode

SETTINGS: dict[Mode, tuple[str, dict[str, int]]] = {
    Mode.POWER: ("PowerDialer", {}),
    Mode.PREDICTIVE: ("Predictive", {}),
    Mode.PREVIEW: ("Preview", {}),
    Mode.PROGRESSIVE: ("Progressive", {}),
    Mode.REVERSE_PROGRESSIVE: ("Progressive", {"customer_first": 1}),
    Mode.TCPA_PREVIEW: ("Preview", {"agent_decides": 1}),
    Mode.TCPA_PROGRESSIVE: ("Progressive", {"agent_decides": 1}),
    Mode.BROADCAST: ("VoiceBroadCast", {}),
}
