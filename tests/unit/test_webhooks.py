"""Webhooks as pure functions: signatures, masks, where deliveries may go, when they are tried again."""

from __future__ import annotations

import ipaddress

import pytest

from engine.domain.errors import FieldError
from engine.domain.webhooks import (
    LONGEST_WAIT,
    Reach,
    Reply,
    budget_level,
    make_secret,
    mask,
    read_events,
    sign,
    wait,
)


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the Standard Webhooks specification."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_during_a_rotation_both_secrets_sign() -> None:
    new, old = (make_secret(bytes([n]) * 32) for n in (1, 2))
    both = sign([new, old], "id", 1, b"{}")
    assert both == f"{sign([new], 'id', 1, b'{}')} {sign([old], 'id', 1, b'{}')}"


@pytest.mark.parametrize("secret", ["", "abc", "whsec_", "whsec_*", "whsec_" + "A" * 400])
def test_a_secret_that_is_none_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(FieldError, match="secret") as refused:
        sign([secret], "id", 1, b"")
    assert not secret or len(secret) < 8 or secret not in str(refused.value)


@pytest.mark.parametrize(
    ("number", "shown"), [("+18885550100", "*********100"), ("100", "***100"), ("7", "***7")]
)
def test_of_a_masked_number_three_digits_are_left(number: str, shown: str) -> None:
    assert mask({"number": number, "list": "L1"}) == {"number": shown, "list": "L1"}
    assert mask({"list": "L1"}) == {"list": "L1"}


def test_events_are_chosen_by_name() -> None:
    assert read_events("list.finished, call.ended") == "call.ended,list.finished"
    assert read_events("call.ended,*") == read_events("") == "*"
    with pytest.raises(FieldError, match=r"events.*call\.ended"):
        read_events("call.begun")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https://user@example.com/",
        "https://:word@example.com/", "https://example.com/#part", "https://example.com:0/",
        "https://example.com:99999/", "https://[::1/", "https://exam ple.com/", "https://example.com/\n",
        "https://127.0.0.1/", "https://10.1.2.3/", "https://169.254.169.254/latest", "https://[::1]/",
        "https://[::ffff:10.0.0.1]/", "https://[fe80::1]/", "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/", "https://0.0.0.0/", "https://224.0.0.1/",
        "https://example.com/" + "a" * 2000,
    ],
)  # fmt: skip
def test_an_url_that_may_not_be_called_is_refused(url: str) -> None:
    with pytest.raises(FieldError, match="url"):
        Reach().url(url)


@pytest.mark.parametrize(
    "address",
    [
        "192.0.0.8", "192.0.0.9", "192.0.0.170", "192.88.99.1", "198.19.0.1", "100.64.0.1", "203.0.113.9",
        "255.255.255.255", "3fff::1", "3fff:fff::1", "5f00::1", "2001:db8::1", "2001::1", "2001:10::1",
        "64:ff9b:1::1", "64:ff9b::c000:8", "2002:c058:6301::1", "::ffff:192.88.99.1", "100::1", "fec0::1",
        "4000::1", "::7f00:1", "ff02::1",
    ],
)  # fmt: skip
def test_special_addresses_are_closed_whatever_python_knows_of_them(address: str) -> None:
    assert not Reach().allows(ipaddress.ip_address(address))
    inside = Reach(networks=tuple(ipaddress.ip_network(net) for net in ("0.0.0.0/0", "::/0")))
    assert inside.allows(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "192.0.1.1", "192.88.98.1", "2606:2800::1", "2a00:1450::1", "64:ff9b::808:808"]
)
def test_public_addresses_are_open(address: str) -> None:
    assert Reach().allows(ipaddress.ip_address(address))


def test_an_url_that_may_be_called_stays_as_it_is() -> None:
    for url in ("https://example.com/hook?a=1", "https://93.184.216.34:8443/", "https://[2606:2800::1]/"):
        assert Reach().url(url) == url
    inside = Reach(http=True, networks=(ipaddress.ip_network("10.0.0.0/8"),))
    assert inside.url("http://10.1.2.3/hook") == "http://10.1.2.3/hook"
    with pytest.raises(FieldError, match="url"):
        inside.url("http://192.168.1.1/")


def test_the_wait_doubles_is_drawn_and_has_an_end() -> None:
    def bounds(attempts: int) -> tuple[float, float]:
        refused = Reply(500)
        return wait(attempts, 5.0, refused, lambda n: 0), wait(attempts, 5.0, refused, lambda n: n - 1)

    assert bounds(1) == (2.5, 5.0)
    assert bounds(3) == (10.0, 20.0)
    assert bounds(99) == (LONGEST_WAIT / 2, LONGEST_WAIT)
    assert wait(1, 5.0, Reply(429, after=60.0), lambda n: 0) == 60.0
    assert wait(1, 5.0, Reply(429, after=1e9), lambda n: 0) == 3600.0


@pytest.mark.parametrize(
    ("answered", "abandoned", "level"),
    [(20, 10, ""), (100, 2.3, ""), (100, 2.4, "near"), (100, 2.9, "near"), (100, 3, "over"), (0, 0, "")],
)
def test_a_budget_is_worth_a_warning_near_its_end(answered: float, abandoned: float, level: str) -> None:
    assert budget_level({"answered": answered, "abandoned": abandoned, "limit": 0.03}) == level
    assert budget_level({"answered": answered, "abandoned": abandoned}) == ""
