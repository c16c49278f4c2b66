"""The nouns of the dialer: attempt ids, overdial and gap, frozen settings."""

from __future__ import annotations

import uuid
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.model import Campaign, attempt_id
from tests.builders import NOW, PURE, a_contact, a_dialer

MILLISECONDS = st.integers(0, (1 << 48) - 1)
BITS = st.integers(0, (1 << 74) - 1)


@pytest.mark.parametrize(
    ("tbc", "overdial", "gap"), [(-5, 5, 0.0), (-100, 100, 0.0), (0, 0, 0.0), (1500, 0, 1.5), (1, 0, 0.001)]
)
def test_tbc_is_an_overdial_below_zero_and_a_gap_above(tbc: int, overdial: int, gap: float) -> None:
    dialer = a_dialer(tbc=tbc)
    assert dialer.overdial == overdial
    assert dialer.gap == pytest.approx(gap)


def test_the_example_of_the_standard_comes_out() -> None:
    """RFC 9562, appendix A.6."""
    bits = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    assert attempt_id(0x017F22E279B0, bits) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@PURE
@given(MILLISECONDS, BITS)
def test_an_attempt_id_is_a_uuid_of_version_7_that_tells_its_time(unix_ms: int, bits: int) -> None:
    made = attempt_id(unix_ms, bits)
    read = uuid.UUID(made)
    assert str(read) == made
    assert (read.version, read.variant) == (7, uuid.RFC_4122)
    assert read.int >> 80 == unix_ms


@PURE
@given(MILLISECONDS, MILLISECONDS, BITS, BITS)
def test_ids_of_later_attempts_sort_after_earlier_ones(one: int, two: int, bits: int, more: int) -> None:
    if one != two:
        assert (attempt_id(one, bits) < attempt_id(two, more)) == (one < two)


@PURE
@given(MILLISECONDS, BITS, BITS)
def test_all_random_bits_count(unix_ms: int, bits: int, other: int) -> None:
    assert (attempt_id(unix_ms, bits) == attempt_id(unix_ms, other)) == (bits == other)


def test_an_attempt_id_of_now_fits_where_asterisk_and_the_tables_keep_it() -> None:
    assert len(attempt_id(int(NOW.timestamp() * 1000), 1)) == 36


def test_settings_and_contacts_cannot_be_changed_in_flight() -> None:
    with pytest.raises(FrozenInstanceError):
        a_dialer().tbc = 5  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        a_contact().retries = 5  # type: ignore[misc]


def test_a_campaign_may_have_no_active_list() -> None:
    assert Campaign(a_dialer()).lists == ()
