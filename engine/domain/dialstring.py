"""Dial strings as stored (`SIP/CARRIER/9898`) and as Asterisk ≥ 21 wants them.

`SIP/TRUNK/prefix` is translated to chan_pjsip, because chan_sip left Asterisk in 21; everything
else keeps its technology. The number is appended to the prefix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.domain.errors import FieldError, excerpt

_TECHNOLOGIES = {"SIP": "PJSIP", "PJSIP": "PJSIP"}
_OTHER = {"DAHDI": "DAHDI", "IAX2": "IAX2", "KHOMP": "Khomp", "LOCAL": "Local"}
_WORD = re.compile(r"[A-Za-z0-9_.+*#-]*", re.ASCII)
_TRUNK = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_LOCAL = re.compile(r"([0-9A-Za-z_.+*#-]*)@([A-Za-z0-9_.-]+)(/[nj]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class DialString:
    """A parsed dial string. `trunk` names the trunk for limits, metrics and its breaker."""

    technology: str
    trunk: str
    before: str
    after: str

    def channel(self, number: str) -> str:
        """Return what Originate takes as `Channel` for an already validated `number`."""
        return f"{self.technology}/{self.before}{number}{self.after}"


def parse_dialstring(text: str, field: str = "dialstring") -> DialString:
    """Read a stored dial string. Raises FieldError."""
    technology, slash, rest = text.strip().partition("/")
    word = technology.upper()
    if not slash or (word not in _TECHNOLOGIES and word not in _OTHER):
        raise FieldError(
            field,
            f"{excerpt(text)} names no known technology",
            "Write SIP/TRUNK/prefix, DAHDI/g1/ or Local/prefix@context.",
        )
    if word == "LOCAL":
        return _local(text, rest, field)
    if word == "PJSIP" and "@" in rest:
        prefix, _, trunk = rest.partition("@")
    else:
        trunk, _, prefix = rest.partition("/")
    if not _TRUNK.fullmatch(trunk) or not _WORD.fullmatch(prefix):
        raise FieldError(
            field,
            f"{excerpt(text)} has no usable trunk or prefix",
            "Write SIP/TRUNK/prefix with letters, digits, '.', '_' and '-' only.",
        )
    if word in _TECHNOLOGIES:
        return DialString("PJSIP", trunk, prefix, f"@{trunk}")
    return DialString(_OTHER[word], trunk, f"{trunk}/{prefix}", "")


def _local(text: str, rest: str, field: str) -> DialString:
    match = _LOCAL.fullmatch(rest)
    if match is None:
        raise FieldError(field, f"{excerpt(text)} is not Local/prefix@context", "Name the dialplan context.")
    prefix, context, option = match[1], match[2], match[3] or ""
    return DialString("Local", context, prefix, f"@{context}{option}")
