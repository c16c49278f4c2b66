"""What other systems are told, how a delivery is signed, and when one that failed is tried again.

The signature and its headers are those of the Standard Webhooks specification (version 1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from engine.domain.errors import FieldError, excerpt

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Kind(StrEnum):
    """What can be subscribed to."""

    CALL_ENDED = "call.ended"
    DISPOSITION = "call.disposition"
    LIST_FINISHED = "list.finished"
    BUDGET_WARNING = "budget.warning"


#: Sent to one endpoint on request, to try it.
TEST = "webhook.test"
#: Share of the abandonment limit from which the day's rate is worth a warning, and the answers that the
#: rate must rest on.
NEAR, ENOUGH = 0.8, 30
#: Bytes of a signing key: at least, at most (Standard Webhooks: 24 to 64), and what we make.
_KEY = (24, 64)
KEY_BYTES = 32
_PREFIX = "whsec_"
#: Longest URL of an endpoint.
_LONGEST = 2000
#: No wait between two tries is longer (s), and none that an endpoint asks for.
LONGEST_WAIT, LONGEST_ASKED = 4 * 3600.0, 3600.0


def read_events(text: str) -> str:
    """Return a list of kinds as it is stored: `*`, or kinds joined by commas. Raises FieldError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = {str(kind) for kind in Kind}
    if not words or "*" in words:
        return "*"
    for word in words:
        if word not in known:
            raise FieldError("events", f"{excerpt(word)} is unknown", f"Known: {', '.join(sorted(known))}.")
    return ",".join(sorted(set(words)))


def read_secret(text: str) -> bytes:
    """Return the key that a secret holds. Raises FieldError."""
    fix = f"Use {_PREFIX} and {_KEY[0]} to {_KEY[1]} bytes in base64."
    if not text.startswith(_PREFIX):
        raise FieldError("secret", f"it does not begin with {_PREFIX}", fix)
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FieldError("secret", "it is no base64", fix) from error
    if not _KEY[0] <= len(key) <= _KEY[1]:
        raise FieldError("secret", f"it holds {len(key)} bytes", fix)
    return key


def make_secret(random: bytes) -> str:
    """Return random bytes as a secret."""
    return _PREFIX + base64.b64encode(random).decode("ascii")


def sign(secrets: Sequence[str], event: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: one signature per secret. Raises FieldError."""
    signed = b".".join((event.encode(), str(timestamp).encode(), body))
    words = []
    for secret in secrets:
        digest = hmac.new(read_secret(secret), signed, hashlib.sha256).digest()
        words.append("v1," + base64.b64encode(digest).decode("ascii"))
    return " ".join(words)


def mask(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return `data` with nothing of its phone number but the last three digits."""
    if not isinstance(data.get("number"), str):
        return dict(data)
    number = data["number"]
    return {**data, "number": "*" * max(len(number) - 3, 3) + number[-3:]}


@dataclass(frozen=True, slots=True)
class Reach:
    """Where deliveries may go: `http` besides https, and which addresses that are not public."""

    http: bool = False
    networks: tuple[Network, ...] = ()

    def url(self, text: str) -> str:
        """Return the URL of an endpoint as it is. Raises FieldError."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise FieldError("url", "it is no URL", "Use https://host/path.") from error
        if not text.isascii() or not text.isprintable() or " " in text or len(text) > _LONGEST:
            raise FieldError("url", "it holds characters that no URL has", "Encode them.")
        if parts.scheme not in (("https", "http") if self.http else ("https",)) or not host or port == 0:
            raise FieldError("url", "it is no https URL", "Use https://host/path.")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise FieldError("url", "it holds a user, a password or a fragment", "Leave them away.")
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return text
        if not self.allows(address):
            raise FieldError(
                "url", f"{address} is no public address", "Allow its network in webhooks.networks."
            )
        return text

    def allows(self, address: Address) -> bool:
        """Return whether a delivery may go to `address`, whatever it is wrapped in."""
        inner = _unwrapped(address)
        if any(inner in net for net in self.networks if net.version == inner.version):
            return True
        if any(inner in net for net in _CLOSED if net.version == inner.version):
            return False
        if inner.version == 6 and inner not in _UNICAST:
            return False
        return inner.is_global and not (inner.is_multicast or inner.is_reserved)


#: What IPv6 has given to the whole internet so far (RFC 4291; IANA, IPv6 global unicast).
_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Of the special-purpose registries of IANA (RFC 6890 and since) and multicast: nobody's public servers.
#: Named here, as what `is_global` knows depends on the version of Python.
_CLOSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "2001::/23", "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip
#: IPv4 addresses inside IPv6 ones (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


@dataclass(frozen=True, slots=True)
class Reply:
    """How a try ended: `status` of the answer, None when none came; `error` says why; `after`: s that the
    endpoint asks to be left alone."""

    status: int | None
    error: str = ""
    after: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the endpoint has taken the event."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants to hear nothing any more."""
        return self.status == 410


def wait(attempts: int, first: float, reply: Reply, draw: Callable[[int], int]) -> float:
    """Return the s until the next try after `attempts` failed ones: `first` s, doubled with every further
    one, drawn from half to the whole, so that not all come back at once."""
    whole = min(first * 2.0 ** min(attempts - 1, 30), LONGEST_WAIT)
    drawn = whole * (0.5 + draw(1_000_001) / 2_000_000)
    asked = min(max(reply.after or 0.0, 0.0), LONGEST_ASKED)
    return max(drawn, asked)


def budget_level(detail: Mapping[str, float]) -> str:
    """Return `over`, `near` or '': how the day's abandoned calls stand to the limit, by the numbers behind
    a decision."""
    answered, limit = detail.get("answered", 0.0), detail.get("limit", 0.0)
    if answered < ENOUGH or limit <= 0.0:
        return ""
    rate = detail.get("abandoned", 0.0) / answered
    if rate >= limit:
        return "over"
    return "near" if rate >= NEAR * limit else ""
