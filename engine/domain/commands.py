"""What the dialer may ask of the switch."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.model import Attempt, AttemptId, Dialer
from engine.domain.variables import merge, parse_variables, printable


@dataclass(frozen=True, slots=True)
class Originate:
    """The order to dial one attempt. `timeout`: ring time in s.

    Values are plain text; quoting them for the wire is the adapter's business.
    """

    attempt: AttemptId
    channel: str
    context: str
    exten: str
    caller_id: str
    timeout: int
    variables: tuple[tuple[str, str], ...]


def originate(dialer: Dialer, attempt: Attempt, caller_id: str) -> Originate:
    """Return the order for `attempt`: dial string, where the answered call goes, what it carries.

    Later variables override earlier ones: the dialer's, then the contact's, then the engine's own
    (OD_…), which neither can set.
    """
    contact = attempt.contact
    number = contact.phone.number
    own = (
        ("OD_CAMPAIGN", dialer.name),
        ("OD_ATTEMPT", attempt.id),
        ("OD_NUMBER", number),
        ("OD_QUEUE_TIMEOUT", str(dialer.queue_timeout)),
        ("OD_CONTACT", printable(contact.reference)),
        ("OD_DATA", printable(contact.data)),
        ("OD_AMD", dialer.amd),
        ("OD_LANGUAGE", dialer.language),
        ("OD_SAFE_HARBOUR", dialer.safe_harbour),
        ("am", str(dialer.am)),
        ("sound", dialer.sound),
    )
    return Originate(
        attempt=attempt.id,
        channel=dialer.dial_string.channel(number),
        context=dialer.context,
        exten=number if dialer.exten == "${EXTEN}" else dialer.exten,
        caller_id=caller_id,
        timeout=dialer.timeout,
        variables=merge(dialer.variables.pairs, parse_variables(contact.data).pairs, own),
    )
