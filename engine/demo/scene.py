"""What the demo puts on stage: the rows that a supervisor would insert, and the engine's settings."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from engine.domain.modes import Mode

LIST = "DEMO-LIST"
#: Seconds of after-call work, of ringing and of waiting for an agent: short, so that the demo is.
WRAPUP = 1
RING_TIMEOUT = 8
QUEUE_TIMEOUT = 4
#: Calls placed beyond one per free agent, in per cent.
OVERDIAL = 150
#: Seconds of talk that the loopback's customers draw from.
TALK = (2, 5)
#: dialertype, tbc, and what dialer_options says, per mode.
_DIALERS: dict[Mode, tuple[str, int, dict[str, int]]] = {
    Mode.POWER: ("PowerDialer", -OVERDIAL, {}),
    Mode.PREDICTIVE: ("Predictive", -3, {}),
    Mode.PREVIEW: ("Preview", 0, {}),
    Mode.PROGRESSIVE: ("Progressive", 0, {}),
    Mode.REVERSE_PROGRESSIVE: ("Progressive", 0, {"customer_first": 1}),
    Mode.TCPA_PREVIEW: ("Preview", 0, {"agent_decides": 1}),
    Mode.TCPA_PROGRESSIVE: ("Progressive", 0, {"agent_decides": 1}),
    Mode.BROADCAST: ("VoiceBroadCast", 0, {}),
}
MODES = tuple(_DIALERS)
_NAMES = ("Ana", "Bruno", "Carla", "Diego", "Elena", "Fabio", "Grete", "Hugo", "Inés", "João")


@dataclass(frozen=True)
class Row:
    """One contact as it is inserted."""

    destination: str
    alternatives: str
    data: str
    contact: str
    agent: str = ""


def campaign_of(mode: Mode) -> str:
    """Return the campaign's name: the arrow says who is called first, as the documents have it."""
    return "DEMO->" if mode.reserves else "DEMO<-"


def contacts(count: int, seed: int, mode: Mode = Mode.POWER, agents: int = 1) -> list[Row]:
    """Return contacts whose last two digits spread evenly over the loopback's outcomes.

    They are bound to their agents where the mode wants it.
    """
    dice = random.Random(seed)
    rows = []
    for index in range(count):
        lot = (index * 37 + dice.randrange(3)) % 100
        number = f"555{10_000 + index:05d}{lot:02d}"
        alternatives = ""
        if index % 2 == 0:
            work = f"556{10_000 + index:05d}{dice.randrange(100):02d}"
            alternatives = f"W=0={work}"
            if index % 6 == 0:
                alternatives += f":557{10_000 + index:05d}{dice.randrange(100):02d}"
        name = _NAMES[index % len(_NAMES)]
        agent = f"agent{101 + index % agents}" if mode.portfolio else ""
        data = f"name={name}:ticket={index + 1}"
        rows.append(Row(number, alternatives, data, f"C{index + 1:05d}", agent))
    return rows


def settings_sql(agents: int, mode: Mode) -> str:
    """Return the statements for the campaign's queue, its members, its options and its dialer."""
    campaign = campaign_of(mode)
    kind, tbc, options = _DIALERS[mode]
    members = ", ".join(f"('{campaign}', 'PJSIP/agent{101 + i}', 'Agent {101 + i}')" for i in range(agents))
    columns = ", ".join(["campaign", *options])
    values = ", ".join([f"'{campaign}'", *map(str, options.values())])
    # For Predictive the documents count channels per agent.
    channels = 4 if mode is Mode.PREDICTIVE else agents * 4
    # The loopback's customers press no keys; they hear the message and go.
    sound = "vm-intro" if mode is Mode.BROADCAST else ""
    return f"""
INSERT INTO ccdata.queues (name, wrapuptime, queue_timeout, direction)
  VALUES ('{campaign}', {WRAPUP}, {QUEUE_TIMEOUT}, 'inbound');
INSERT INTO ccdata.queue_members (queue_name, interface, membername) VALUES {members};
INSERT INTO ccdata.dialer_options ({columns}) VALUES ({values});
INSERT INTO ccdata.dialers (campaign, dialertype, schedule, dialstring, context, callerid,
    maxchannels, timeout, retries, tbc, tbc_nocontact, variables, sound, status)
  VALUES ('{campaign}', '{kind}', 'sun-sat;00:00-23:59', 'SIP/LOOPBACK/', '{kind}',
    '18885550100', {channels}, {RING_TIMEOUT}, 1, {tbc}, 0, 'FORM=Demo:language=en', '{sound}', 1);
"""


def list_sql(rows: list[Row], mode: Mode) -> str:
    """Return the documented order of loading a list by SQL: first the contacts, then the list."""
    campaign = campaign_of(mode)
    values = ",\n  ".join(
        f"('{campaign}', '{row.destination}', '{row.alternatives}', '{row.data}', '{row.contact}', '{LIST}',"
        f" '{row.agent}')"
        for row in rows
    )
    return f"""
INSERT INTO ccdata.calls_spool
  (campaign, destination, alternatives, data, contact, dialerbase, agentphone) VALUES
  {values};
INSERT INTO ccdata.dialer_base (campaign, name, records, active)
  VALUES ('{campaign}', '{LIST}', {len(rows)}, 1);
"""


def config_toml(
    ami_port: int, http_port: int, secret: str, socket: str, metrics_port: int, state: Path
) -> str:
    """Return the engine's configuration file."""
    return f"""[engine]
name = "demo"
state = "{state}"

[asterisk]
port = {ami_port}
secret = "{secret}"

[database]
socket = "{socket}"
user = "root"

[ari]
url = "http://127.0.0.1:{http_port}"
secret = "{secret}"

[metrics]
port = {metrics_port}

[stop]
drain = 20
"""
