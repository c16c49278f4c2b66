"""Can calls leave?"""

from __future__ import annotations

from collections.abc import Iterator

from engine.domain.checkup.facts import SwitchFacts, TrunkFacts
from engine.domain.checkup.finding import Finding, failed, good, warned

PART = "trunk"
#: Codecs that Asterisk can turn into what AMD, recordings and agents need without a licence.
USABLE = frozenset(("ulaw", "alaw", "g722", "gsm", "slin", "slin16", "opus", "ilbc", "g726"))
#: States of a contact (res_pjsip's qualify).
_AWAY, _UNWATCHED = "Unreachable", "NonQualified"


def judge_trunks(facts: SwitchFacts) -> Iterator[Finding]:
    """Yield one finding or more for each trunk that a dialer uses, and for each registration."""
    for trunk in facts.trunks:
        yield from _trunk(trunk)
    for registration in facts.registrations:
        if registration.status != "Registered":
            yield failed(
                PART,
                "registration",
                f"registration {registration.name} is {registration.status}",
                "Check user, password and server_uri; 'pjsip set logger on' shows the carrier's answers.",
            )
        else:
            yield good(PART, "registration", f"registration {registration.name} holds")


def _trunk(trunk: TrunkFacts) -> Iterator[Finding]:
    if trunk.technology != "PJSIP":
        if trunk.known is False:
            yield failed(
                PART,
                "unknown",
                f"{trunk.technology}/{trunk.name}: nothing in Asterisk goes by this name",
                "Correct dialers.dialstring (docs/gateways.md), or load what drives it.",
            )
        elif trunk.known is None:
            yield warned(
                PART,
                "unseen",
                f"{trunk.technology}/{trunk.name} cannot be looked at from here",
                "Look in Asterisk: 'dahdi show status', 'iax2 show peers', 'khomp channels show'.",
            )
        else:
            yield good(PART, "known", f"{trunk.technology}/{trunk.name} is there")
        return
    if trunk.known is False:
        yield failed(
            PART,
            "unknown",
            f"{trunk.name}: no endpoint of this name in Asterisk",
            f"Write [{trunk.name}](overdial-trunk) in pjsip.conf (asterisk-conf/trunks/), or correct"
            " dialers.dialstring.",
        )
        return
    if trunk.known is None:
        yield warned(
            PART,
            "unseen",
            f"{trunk.name} cannot be looked at from here",
            "Load func_pjsip_endpoint.so, func_pjsip_aor.so and func_pjsip_contact.so.",
        )
        return
    yield from _reach(trunk)
    if trunk.codecs and not USABLE.intersection(trunk.codecs):
        yield failed(
            PART,
            "codec",
            f"{trunk.name} allows {', '.join(trunk.codecs)} only, which Asterisk cannot turn into sound",
            "allow = alaw,ulaw (and agree on it with the carrier).",
        )


def _reach(trunk: TrunkFacts) -> Iterator[Finding]:
    if not trunk.contacts:
        yield failed(
            PART,
            "unreachable",
            f"{trunk.name} has no address: nothing is registered there",
            "Give its aor a contact, or let the gateway register.",
        )
    elif all(state == _AWAY for state in trunk.contacts):
        yield failed(
            PART,
            "unreachable",
            f"{trunk.name} does not answer OPTIONS",
            "Check address, firewall and the gateway; some carriers never answer: qualify_frequency = 0.",
        )
    elif _AWAY in trunk.contacts:
        away = sum(state == _AWAY for state in trunk.contacts)
        yield warned(
            PART,
            "unreachable",
            f"{trunk.name}: {away} of {len(trunk.contacts)} addresses do not answer",
            "Check those gateways; 'pjsip show aor' names them.",
        )
    elif all(state == _UNWATCHED for state in trunk.contacts):
        yield warned(
            PART,
            "unwatched",
            f"{trunk.name} is there; whether it can be reached nobody watches",
            "qualify_frequency = 30 in its aor, when the carrier answers OPTIONS.",
        )
    else:
        yield good(PART, "reachable", f"{trunk.name} answers")
