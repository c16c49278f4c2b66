"""What the demo puts on stage: the rows that a supervisor would insert, and the engine's settings."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

CAMPAIGN = "DEMO<-"
LIST = "DEMO-LIST"
#: Seconds of after-call work, of ringing and of waiting for an agent: short, so that the demo is.
WRAPUP = 1
RING_TIMEOUT = 8
QUEUE_TIMEOUT = 4
#: Calls placed beyond one per free agent, in per cent.
OVERDIAL = 150
#: Seconds of talk that the loopback's customers draw from.
TALK = (2, 5)
_NAMES = ("Ana", "Bruno", "Carla", "Diego", "Elena", "Fabio", "Grete", "Hugo", "Inés", "João")


@dataclass(frozen=True)
class Row:
    """One contact as it is inserted."""

    destination: str
    alternatives: str
    data: str
    contact: str


def contacts(count: int, seed: int) -> list[Row]:
    """Return contacts whose last two digits spread evenly over the loopback's outcomes."""
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
        rows.append(Row(number, alternatives, f"name={name}:ticket={index + 1}", f"C{index + 1:05d}"))
    return rows


def settings_sql(agents: int) -> str:
    """Return the statements for the campaign's queue, its members and its dialer (switched off)."""
    members = ", ".join(f"('{CAMPAIGN}', 'PJSIP/agent{101 + i}', 'Agent {101 + i}')" for i in range(agents))
    return f"""
INSERT INTO ccdata.queues (name, wrapuptime, queue_timeout, direction)
  VALUES ('{CAMPAIGN}', {WRAPUP}, {QUEUE_TIMEOUT}, 'inbound');
INSERT INTO ccdata.queue_members (queue_name, interface, membername) VALUES {members};
INSERT INTO ccdata.dialers (campaign, dialertype, schedule, dialstring, context, callerid,
    maxchannels, timeout, retries, tbc, tbc_nocontact, variables, status)
  VALUES ('{CAMPAIGN}', 'PowerDialer', 'sun-sat;00:00-23:59', 'SIP/LOOPBACK/', 'PowerDialer',
    '18885550100', {agents * 4}, {RING_TIMEOUT}, 1, -{OVERDIAL}, 0, 'FORM=Demo:language=en', 1);
"""


def list_sql(rows: list[Row]) -> str:
    """Return the documented order of loading a list by SQL: first the contacts, then the list."""
    values = ",\n  ".join(
        f"('{CAMPAIGN}', '{row.destination}', '{row.alternatives}', '{row.data}', '{row.contact}', '{LIST}')"
        for row in rows
    )
    return f"""
INSERT INTO ccdata.calls_spool (campaign, destination, alternatives, data, contact, dialerbase) VALUES
  {values};
INSERT INTO ccdata.dialer_base (campaign, name, records, active)
  VALUES ('{CAMPAIGN}', '{LIST}', {len(rows)}, 1);
"""


def config_toml(ami_port: int, secret: str, socket: str, metrics_port: int, state: Path) -> str:
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

[metrics]
port = {metrics_port}

[stop]
drain = 20
"""
