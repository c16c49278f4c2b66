"""What the dialer may ask of the switch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.domain.model import Attempt, AttemptId, Dialer, agent_leg
from engine.domain.modes import Machines, Mode
from engine.domain.variables import merge, parse_variables, printable

#: Where the leg to a reserved agent goes when he answers (asterisk-conf/overdial/extensions.conf).
AGENT_CONTEXT = "overdial-agent"
#: What phones take for "answer by yourself": RFC 3261 Alert-Info and the answer-after that most makers know.
AUTO_ANSWER = (("Call-Info", "<sip:overdial>;answer-after=0"), ("Alert-Info", "info=alert-autoanswer"))


@dataclass(frozen=True, slots=True)
class Originate:
    """The order to dial one leg. `timeout`: ring time in s.

    `headers` are SIP headers of the invitation; `early_media`: what is heard before the answer counts
    as answered; `presentation`: Asterisk's word for how the caller ID is presented, '' for the default.
    Values are plain text; quoting them for the wire is the adapter's business.
    """

    attempt: AttemptId
    channel: str
    context: str
    exten: str
    caller_id: str
    timeout: int
    variables: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...] = ()
    early_media: bool = False
    presentation: str = ""
    caller_name: str = ""


def originate(dialer: Dialer, attempt: Attempt, caller_id: str, record: str = "") -> Originate:
    """Return the order for `attempt`: dial string, where the answered call goes, what it carries.

    `record`: the file in which the talk is recorded, '' for none. Later variables override earlier ones: the
    dialer's, then the contact's, then the engine's own (OD_…), which neither can set.
    """
    number = attempt.contact.phone.number
    return Originate(
        attempt=attempt.id,
        channel=dialer.dial_string.channel(number),
        context=dialer.context,
        exten=number if dialer.exten == "${EXTEN}" else dialer.exten,
        caller_id=caller_id,
        timeout=dialer.timeout,
        variables=_variables(dialer, attempt, record),
        headers=(("X-Overdial-Attempt", attempt.id),),
        early_media=dialer.early_media,
        presentation=dialer.caller_pres,
    )


def ring_agent(dialer: Dialer, attempt: Attempt) -> Originate:
    """Return the order to ring the agent who is reserved for `attempt`.

    His phone shows the customer's number and reference; what happens when he answers the dialplan does:
    wait for the customer, or decide first. Raises ValueError for an attempt without an agent.
    """
    if attempt.desk is None:
        raise ValueError(f"attempt {attempt.id} has no reserved agent")
    return Originate(
        attempt=agent_leg(attempt.id),
        channel=attempt.desk.interface,
        context=AGENT_CONTEXT,
        exten="decide" if dialer.mode.decides else "wait",
        caller_id=attempt.contact.phone.number,
        caller_name=printable(attempt.contact.reference),
        timeout=dialer.timeout,
        variables=(
            *_variables(dialer, attempt, ""),
            ("OD_DECISION_TIME", str(dialer.options.decision_time)),
        ),
        headers=(("X-Overdial-Agent-Leg", attempt.id), *(AUTO_ANSWER if dialer.auto_answer else ())),
    )


def recording_file(attempt: str, local: datetime) -> str:
    """Return where a talk is recorded, below Asterisk's folder for recordings: a folder per day."""
    return f"{local:%Y-%m-%d}/{attempt}.wav"


def _variables(dialer: Dialer, attempt: Attempt, record: str) -> tuple[tuple[str, str], ...]:
    contact, desk, options = attempt.contact, attempt.desk, dialer.options
    own = [
        ("OD_CAMPAIGN", dialer.name),
        ("OD_ATTEMPT", attempt.id),
        ("OD_NUMBER", contact.phone.number),
        ("OD_QUEUE_TIMEOUT", str(dialer.queue_timeout)),
        ("OD_CONTACT", printable(contact.reference)),
        ("OD_DATA", printable(contact.data)),
        ("OD_AMD", dialer.amd),
        ("OD_LANGUAGE", dialer.language),
        ("OD_SAFE_HARBOUR", dialer.safe_harbour),
        ("OD_AUTO_ANSWER", "1" if dialer.auto_answer else ""),
        ("OD_MACHINES", options.machines),
        ("OD_MACHINE_SOUND", options.machine_sound if options.machines is Machines.MESSAGE else ""),
        ("am", str(dialer.am)),
        ("sound", dialer.sound),
    ]
    if record:
        own.append(("OD_RECORD", record))
    if desk is not None:
        own += [
            ("OD_AGENT", printable(desk.name).replace(",", " ")),
            ("OD_INTERFACE", desk.interface),
            # Whom the answered customer is joined with: a leg that is there, or a phone to ring.
            ("OD_AGENT_LEG", agent_leg(attempt.id) if dialer.mode.agent_first else ""),
            ("OD_AGENT_RING", str(ring_seconds(dialer))),
        ]
    return merge(dialer.variables.pairs, parse_variables(contact.data).pairs, own)


def ring_seconds(dialer: Dialer) -> int:
    """Return how long a reserved agent is rung while the customer waits (s): no longer than anybody waits."""
    if dialer.mode is Mode.REVERSE_PROGRESSIVE:
        return min(dialer.timeout, dialer.queue_timeout)
    return dialer.timeout
