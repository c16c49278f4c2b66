"""Files of caller IDs, as people make them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.callerid_file import read_caller_ids
from tests.builders import PURE, near

NEARLY = near("593", "#", "2345", "-", "00", "99", ";", ",", '"', "number", "+", " ", "x", "²", "\t")


def read(text: str) -> tuple[list[tuple[int, str, str]], list[tuple[int, str]]]:
    good, bad = read_caller_ids(enumerate(text.split("\n"), 1))
    return [(g.line, g.entry.text(), g.note) for g in good], [(b.line, b.fault.field) for b in bad]


def test_the_documented_forms() -> None:
    good, bad = read("593#100-00-99\n1#200\n593#100-0-9\n300-00-99\n400\n")
    assert [entry for _, entry, _ in good] == ["593#100-00-99", "1#200", "593#100-0-9", "300-00-99", "400"]
    assert bad == []


def test_what_spreadsheets_make_of_them() -> None:
    good, bad = read('Caller ID;Note\n"+1 (212) 555.0101";"New York"\n\n400,second desk\n500;\n;;\n')
    assert good == [(2, "+12125550101", "New York"), (4, "400", "second desk"), (5, "500", "")]
    assert bad == []


def test_bad_lines_are_told_by_their_numbers() -> None:
    good, bad = read("100\nJohn\n200-9-1\n100;again\n300;" + "n" * 256 + "\nnumber")
    assert [entry for _, entry, _ in good] == ["100"]
    assert bad == [(2, "caller ID"), (3, "caller ID"), (4, "caller ID"), (5, "note"), (6, "caller ID")]
    assert read_caller_ids([(1, None)])[1][0].line == 1


def test_a_prefix_without_end_is_told() -> None:
    assert read("1" * 120 + "#100")[1] == [(1, "caller ID")]


@PURE
@given(st.lists(NEARLY, max_size=5))
def test_whatever_a_file_holds_every_line_is_read_or_told(lines: list[str]) -> None:
    text = [line.replace("\n", "") for line in lines]
    good, bad = read_caller_ids(enumerate(text, 1))
    told = [one.line for one in good] + [one.line for one in bad]
    assert len(set(told)) == len(told)
    written = [number for number, line in enumerate(text, 1) if line.strip(" \t;,\"'")]
    assert set(written) - set(told) <= set(written[:1]), "a heading, and nothing else, is passed over"
    again, faults = read_caller_ids((one.line, f"{one.entry.text()};{one.note}") for one in good)
    assert ([one.entry for one in again], faults) == ([one.entry for one in good], [])
