"""Lines of contact files: what is read, what is refused and how it is told; files of every damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.contact_file import LONGEST_LINE, ContactFile, open_contacts
from engine.domain.errors import FieldError
from engine.domain.phones import parse_phone
from engine.domain.upload import LAST, Line, Rules, list_name, read_line
from tests.builders import PURE, near

RULES = Rules({"demo<-": "DEMO<-", "other->": "OTHER->"})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("DEMO<-;099111;name=Mario;", Line("DEMO<-", "099111", "099111", "name=Mario", "", LAST, "")),
        ("demo<-;0991;;0992:W=0=0993;5", Line("DEMO<-", "0991", "0991", "", "0992:W=0=0993", 5, "")),
        ("DEMO<-;M=2=+1 (502) 555;;;1;", Line("DEMO<-", "M=2=+1 (502) 555", "1502555", "", "", 1, "")),
        ("OTHER->;099;x=1:y=;;9999;Ana", Line("OTHER->", "099", "099", "x=1:y=", "", 9999, "Ana")),
        (" DEMO<- ; 099 ;;; ;;", Line("DEMO<-", "099", "099", "", "", LAST, "")),
        ("DEMO<-;099;n=O'Brien \"Bob\";;", Line("DEMO<-", "099", "099", "n=O'Brien \"Bob\"", "", LAST, "")),
    ],
)  # fmt: skip
def test_a_line_is_a_contact(text: str, line: Line) -> None:
    assert read_line(text, RULES) == line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DEMO<-;099;x=1", "columns: there are 3"),
        ("DEMO<-;099;x;;5;Ana;more", "columns: there are 7.*Remove ';'"),
        ("DEMO;099;;", "campaign: 'DEMO' does not exist"),
        ("campaign;phone;data;alternatives", "campaign: 'campaign' does not exist"),
        ("DEMO<-;;;", "phone: "),
        ("DEMO<-;O99;;", "phone: 'O99' is not a phone number"),
        ("DEMO<-;Z=1=099;;", "phone: phone type 'Z' is unknown"),
        ("DEMO<-;099;mail=a@b.c;", "data: it has the character '@'.*allow @"),
        ("DEMO<-;099;n=“x”;", "data: it has the character"),
        ("DEMO<-;099;n=x\x00;", "data: it has the character"),
        ("DEMO<-;099;n=\udcc3;", "line: it has bytes that are no UTF-8"),
        ("DEMO<-;099;;;0", "priority: '0' is none"),
        ("DEMO<-;099;;;10000", "priority: '10000' is none"),
        ("DEMO<-;099;;;-3", "priority: "),
        ("DEMO<-;099;;;٣", "priority: "),
        (f"DEMO<-;099;{'x' * 4001};", "data: it is too long"),
        (f"DEMO<-;099;;;5;{'a' * 81}", "agent: it is too long"),
    ],
)
def test_a_bad_line_is_refused_with_its_column_and_the_fix(text: str, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        read_line(text, RULES)


def test_addresses_may_be_allowed() -> None:
    assert read_line("DEMO<-;099;mail=a@b.c;", Rules(RULES.campaigns, allow_at=True)).data == "mail=a@b.c"


@PURE
@given(near("DEMO<-", ";", "099", "M=", "1=", ":", "x=1", " ", "9999", "é", "\r", "@"))
def test_any_text_is_a_contact_that_can_be_stored_or_a_refusal(text: str) -> None:
    try:
        line = read_line(text, RULES)
    except FieldError:
        return
    assert parse_phone(line.phone).number.removeprefix("+") == line.number
    assert 1 <= line.priority <= LAST
    again = ";".join(
        (line.campaign, line.phone, line.data, line.alternatives, str(line.priority), line.agent)
    )
    assert read_line(again, RULES) == line


@pytest.mark.parametrize("name", ["", "a b", "liste é", "a;b", "../x", "x" * 101])
def test_a_lists_name_has_no_strange_characters(name: str) -> None:
    with pytest.raises(FieldError, match="list: "):
        list_name(name)
    assert list_name("DISCTEST29042014") == "DISCTEST29042014"


def opened(tmp_path: Path, content: bytes) -> ContactFile:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    return open_contacts(path)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a;1\r\nb;2\r\n", [(1, "a;1"), (2, "b;2")]),
        (b"a;1\rb;2", [(1, "a;1"), (2, "b;2")]),
        (b"\xef\xbb\xbfa;1\n\n  \n\r\nb;2\n\n\n", [(1, "a;1"), (5, "b;2")]),
        ("ñandú\n".encode(), [(1, "ñandú")]),
        ("ñandú\n".encode("latin-1"), [(1, "ñandú")]),
        (b"a\x85b\n\xe1", [(1, "a…b"), (2, "á")]),
        (b"a\x85b\x81\n\xe1", [(1, "a\x85b\x81"), (2, "á")]),  # no line ends but these three
        (b"a;1\n;;;;\n ; ;\nb;2", [(1, "a;1"), (4, "b;2")]),  # a spreadsheet's blank lines
        ("x\u2028y\n".encode(), [(1, "x\u2028y")]),
        (b"a\n" + b"x" * (LONGEST_LINE * 3) + b"\nb\n", [(1, "a"), (2, None), (3, "b")]),
        (b"a\n" + b"x" * (LONGEST_LINE * 3), [(1, "a"), (2, None)]),
        (b"cut off in the middle of \xc3", [(1, "cut off in the middle of Ã")]),
        # Damage in a file of UTF-8 is that line's alone; the others stay what they are.
        (b"Jos\xc3\xa9\n\xc3\xb1\xc3\nb", [(1, "José"), (2, "ñ\udcc3"), (3, "b")]),
        (b"\xef\xbb\xbfa\n\xc3", [(1, "a"), (2, "\udcc3")]),
    ],
)
def test_lines_of_any_file(tmp_path: Path, content: bytes, lines: list[tuple[int, str | None]]) -> None:
    assert list(opened(tmp_path, content).lines()) == lines


@pytest.mark.parametrize("content", ["a;1\n".encode("utf-16"), b"\x00" * 500, b"PK\x03\x04" + b"\x00" * 50])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FieldError, match="file: it is UTF-16, or no text"):
        opened(tmp_path, content)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match=r"file: .*gone\.csv: No such file"):
        open_contacts(tmp_path / "gone.csv")


@PURE
@given(content=st.binary(max_size=300))
def test_any_bytes_are_lines_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    try:
        numbers = [number for number, _ in opened(tmp_path_factory.mktemp("f"), content).lines()]
    except FieldError:
        return
    assert numbers == sorted(set(numbers))
