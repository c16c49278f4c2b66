"""`name=value:name=value` fields, and which names a channel may be given.

The documents know no escape: `:` separates pairs, the first `=` ends the name. Names become
Asterisk channel variables, so a name must look like one and must not be one of the variables by
which Asterisk itself is controlled (some run shell commands: MONITOR_EXEC, for example).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
#: In bytes of UTF-8, so that a pair fits into one line of AMI.
MAX_VALUE = 900

_BREAKS = re.compile("[\r\n\t\u2028\u2029\x85]")
_OTHER = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

#: Variables that Asterisk's applications read as orders (Asterisk 22 sources: app_queue,
#: app_dial, app_mixmonitor, features, pbx); all are upper case, and names are case-sensitive.
#: A contact's data may never set them.
_CONTROL = re.compile(
    r"(?:MONITOR|MIXMONITOR|TOUCH|QUEUE|LIMIT|DIAL|GOSUB|MACRO|FEATURE|DYNAMIC|TRANSFER|FORWARD|PARK|"
    r"LOCAL|BRIDGE|SIP|PJSIP|AGI|AST|VM|OD)_\w*|ARG\d+|_\w*|CONTEXT|EXTEN|PRIORITY|CHANNEL|UNIQUEID|"
    r"LINKEDID|HANGUPCAUSE|CALLERID\w*|CALLERPRES|GROUP|SPYGROUP|OUTBOUND_GROUP\w*|PICKUPMARK|EPOCH|"
    r"ABANDONED|DIALSTATUS|QUEUESTATUS|QUEUENAME|AMDSTATUS|AMDCAUSE|BLINDTRANSFER|ATTENDEDTRANSFER|"
    r"FORWARDERNAME|PARKEDCALL|PARKINGEXTEN|SIPADDHEADER\w*|BRIDGEPEER|BRIDGEPVTCALLID|MEMBERINTERFACE"
)


@dataclass(frozen=True, slots=True)
class Variables:
    """Pairs in the order given, and the names that were refused (for the supervisor)."""

    pairs: tuple[tuple[str, str], ...]
    refused: tuple[str, ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """Return the value of `name`; the last one wins, as it does on a channel."""
        for key, value in reversed(self.pairs):
            if key == name:
                return value
        return default


def parse_variables(text: str) -> Variables:
    """Read pairs. Never raises: what cannot be a variable is reported in `refused`.

    A pair without `=` is refused; control characters are removed from values.
    """
    pairs: list[tuple[str, str]] = []
    refused: list[str] = []
    for part in text.split(":"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip()
        value = printable(value)
        too_long = len(value.encode()) > MAX_VALUE
        if not equals or not _NAME.fullmatch(name) or _CONTROL.fullmatch(name) or too_long:
            refused.append(name[:64])
            continue
        pairs.append((name, value))
    return Variables(tuple(pairs), tuple(refused))


def merge(*parts: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Join pairs; a later part overrides an earlier one. Order of first appearance is kept."""
    merged: dict[str, str] = {}
    for part in parts:
        merged.update(part)
    return tuple(merged.items())


def printable(text: str) -> str:
    """Remove what ends a line or a string in any protocol behind us (controls, NUL, surrogates)."""
    return _OTHER.sub("", _BREAKS.sub(" ", text))
