"""Dial strings: from what is stored to the channel that Originate dials."""

from __future__ import annotations

import pytest
from hypothesis import given

from engine.domain.dialstring import parse_dialstring
from engine.domain.errors import FieldError
from tests.builders import PURE, near

NEARLY = near(
    "SIP", "PJSIP", "DAHDI", "local", "Khomp", "/", "@", "TRUNK", "9898", "g1", "n", " ", "&", ",", "ſ"
)


@pytest.mark.parametrize(
    ("stored", "channel", "trunk"),
    [
        ("SIP/CLEVERSIP/9898", "PJSIP/98980991@CLEVERSIP", "CLEVERSIP"),
        ("SIP/CARRIER/", "PJSIP/0991@CARRIER", "CARRIER"),
        ("SIP/CARRIER", "PJSIP/0991@CARRIER", "CARRIER"),
        ("sip/carrier/9", "PJSIP/90991@carrier", "carrier"),
        ("PJSIP/CARRIER/9898", "PJSIP/98980991@CARRIER", "CARRIER"),
        ("PJSIP/9898@CARRIER", "PJSIP/98980991@CARRIER", "CARRIER"),
        ("PJSIP/@CARRIER", "PJSIP/0991@CARRIER", "CARRIER"),
        ("DAHDI/G1/", "DAHDI/G1/0991", "G1"),
        ("DAHDI/g1/9", "DAHDI/g1/90991", "g1"),
        ("IAX2/peer/00", "IAX2/peer/000991", "peer"),
        ("khomp/b0/", "Khomp/b0/0991", "b0"),
        ("Local/@out", "Local/0991@out", "out"),
        ("Local/9@out/n", "Local/90991@out/n", "out"),
        ("  SIP/CARRIER/9898\n", "PJSIP/98980991@CARRIER", "CARRIER"),
        ("SIP/my.trunk-1_a/*67+#", "PJSIP/*67+#0991@my.trunk-1_a", "my.trunk-1_a"),
    ],
)
def test_the_number_is_appended_to_the_prefix_of_the_trunk(stored: str, channel: str, trunk: str) -> None:
    dial_string = parse_dialstring(stored)
    assert dial_string.channel("0991") == channel
    assert dial_string.trunk == trunk


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP",
        "SIP/",
        "SIP//9898",
        "/CARRIER/9898",
        "CARRIER/9898",
        "H323/CARRIER/",
        "SIP/CARRIER/98/98",
        "SIP/CARRIER/98&SIP/OTHER/",
        "SIP/CARRIER/98,n",
        "SIP/user@host/98",
        "SIP/CARRIER/98@host",
        "SIP/CARR IER/",
        "PJSIP/9898@",
        "Local/9898",
        "Local/9898@",
        "Local/98@out/x",
        "Local/98@out;2",
        "SIP/CARRIER/\r\nAction: x",
        "SIP/CARRIER/${SHELL(ls)}",
    ],
)
def test_a_dial_string_that_cannot_be_dialled_is_refused(text: str) -> None:
    with pytest.raises(FieldError) as refusal:
        parse_dialstring(text)
    assert refusal.value.field == "dialstring"
    assert refusal.value.fix


@PURE
@given(NEARLY)
def test_any_text_is_one_channel_or_a_field_error(text: str) -> None:
    try:
        dial_string = parse_dialstring(text)
    except FieldError:
        return
    channel = dial_string.channel("0991")
    assert channel.isascii()
    assert not set(channel) & set(" \r\n,&;$(){}'\"\\")
    assert dial_string.trunk in channel
