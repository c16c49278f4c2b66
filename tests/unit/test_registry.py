"""National registry files: sorted, searched in place, replaced whole; bounded memory while they are made."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.legal import CampaignLaw, Legal
from engine.adapters.registry import Registry, build
from engine.desk.registry import registry as command
from engine.domain.errors import FieldError
from engine.domain.law import LawSettings
from tests.builders import PURE

Opener = Callable[[Path], Registry]
NUMBERS = st.lists(st.integers(0, 10**15), max_size=60)


@PURE
@given(numbers=NUMBERS, others=NUMBERS, chunk=st.integers(1, 7))
def test_every_number_is_found_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], others: list[int], chunk: int
) -> None:
    path = tmp_path_factory.mktemp("reg") / "us.reg"
    count = build((str(number) for number in numbers), path, chunk)
    registry = Registry(path)
    assert count == len(registry) == len(set(numbers))
    for number in {*numbers, *others}:
        assert (str(number) in registry) is (number in set(numbers))
    registry.close()


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Registry]]:
    """Opens registries that are closed at the end."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(closing(Registry(path)))


def test_what_is_no_number_is_in_no_registry(tmp_path: Path, opened: Opener) -> None:
    build(["15025551234"], tmp_path / "r")
    registry = opened(tmp_path / "r")
    assert "15025551234" in registry
    for text in ("", "*43", "+15025551234", "1502555123", "150255512345", "9" * 30, "１５"):
        assert text not in registry


def test_a_replaced_file_is_seen_at_the_next_look_up_and_a_broken_one_is_not(
    tmp_path: Path, opened: Opener
) -> None:
    path = tmp_path / "r"
    build(["1"], path)
    registry = opened(path)
    build(["2"], path)
    assert "2" in registry
    assert "1" not in registry
    path.unlink()
    assert "2" in registry
    path.write_bytes(b"half a file")
    with pytest.raises(FieldError, match="no registry file"):
        assert "2" not in registry
    build(["3"], path)
    assert "3" in registry


@pytest.mark.parametrize("content", [b"", b"OVERDIAL-REG-1\n\0abc", b"phone;campaign;\n5025551234;*;\n"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r").write_bytes(content)
    with pytest.raises(FieldError, match=r"law.registries: .*overdial registry"):
        Registry(tmp_path / "r")
    with pytest.raises(FieldError, match=r"law.registries: .*readable"):
        Registry(tmp_path / "missing")


def test_making_and_asking_keep_no_more_than_a_chunk_in_memory(tmp_path: Path, opened: Opener) -> None:
    """200,000 numbers in chunks of 2,000: far less than the 1.6 MB of the file, or the numbers as such."""
    path = tmp_path / "r"
    tracemalloc.start()
    try:
        build((str(15_000_000_000 + n * 7919 % 10**9) for n in range(200_000)), path, chunk=2_000)
        _, making = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        registry = opened(path)
        found = sum(str(15_000_000_000 + n) in registry for n in range(20_000))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 1_500_000
    assert making < 12_000_000  # the read buffers of a hundred parts
    assert held < 300_000
    assert found > 0


def made(folder: Path, text: str, *options: str) -> Result:
    """Make folder/r of a national list."""
    (folder / "list").write_text(text)
    return CliRunner().invoke(command, [*options, str(folder / "list"), str(folder / "r")])


@pytest.mark.parametrize("country", ["US", "us", "USA", "US-TSR", "REGF", "United States"])
@pytest.mark.parametrize(
    "line", ["3055551234", "305,5551234", '"305","5551234"', "+1 305 555 1234", "305;5551234"]
)
def test_a_list_of_the_united_states_is_found_by_a_campaign_there(
    tmp_path: Path, opened: Opener, country: str, line: str
) -> None:
    result = made(tmp_path, f"{line}\n+298123456\n", "--country", country)
    assert result.output == f"{tmp_path / 'r'}: 2 numbers; 0 lines without\n"
    legal, campaign = Legal(), CampaignLaw(LawSettings("US"))
    listed = opened(tmp_path / "r")
    for dialled in ("3055551234", "+13055551234", "011298123456"):
        assert legal.place(campaign, dialled).key in listed, dialled
    assert legal.place(campaign, "3055551235").key not in listed


@pytest.mark.parametrize("country", ["UK", "GB", "gbr", "United Kingdom"])
def test_the_law_of_a_campaign_names_the_country_of_its_registry(
    tmp_path: Path, opened: Opener, country: str
) -> None:
    result = made(tmp_path, "07700900124,x\n+447700900125\n12\n", "--country", country)
    assert "2 numbers; 1 lines without" in result.output
    assert "line 3 has no phone number that can be made international" in result.output
    legal, campaign = Legal(), CampaignLaw(LawSettings("UK"))
    assert legal.place(campaign, "+447700900124").key in opened(tmp_path / "r")


def test_lines_that_would_never_match_are_told_and_a_file_of_nothing_else_is_not_made(tmp_path: Path) -> None:
    result = made(tmp_path, "+4915112345678\n015112345678\n", "--country", "EU")
    assert "1 numbers; 1 lines without" in result.output
    assert "line 2 has no phone number" in result.output
    before = (tmp_path / "r").read_bytes()
    result = made(tmp_path, "015112345678\nnumber\n", "--country", "EU")
    assert result.exit_code == 1
    assert "SOURCE: no line has a number that can be made international" in result.output
    assert "line 2" in result.output
    assert (tmp_path / "r").read_bytes() == before


@pytest.mark.parametrize("country", ["Narnia", "none", "default", ""])
def test_a_country_that_nobody_knows_is_refused_with_the_fix(tmp_path: Path, country: str) -> None:
    result = made(tmp_path, "3055551234\n", "--country", country)
    assert result.exit_code == 1
    assert f"--country: {country!r} is no country. Use an ISO 3166 code such as GB" in result.output
    assert "--country" in made(tmp_path, "3055551234\n").output
    assert not (tmp_path / "r").exists()
