"""Asterisk's own CDR file: how calls ended that nobody watched."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.adapters import cdr_file
from engine.adapters.cdr_file import CdrFile, NoHistory
from engine.ports import PastCall

ONE = "01955777-0000-7000-8000-000000000001"
TWO = "01955777-0000-7000-8000-000000000002"
AGENT = "PJSIP/agent101-00000007"


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 3, 2, 15, minute, second, tzinfo=UTC)


def record(
    call: str,
    disposition: str = "ANSWERED",
    answer: str = "2026-03-02 15:00:10",
    end: str = "2026-03-02 15:01:00",
    agent: str = AGENT,
    clid: str = '""Ana, the """"caller"""""" <1888>',
) -> str:
    """Return a line as cdr_csv writes it."""
    return (
        f'"","1888","1001","PowerDialer","{clid}","PJSIP/CARRIER-00000001","{agent}","Queue","DEMO007<-,,,",'
        f'"2026-03-02 15:00:00","{answer}","{end}",60,50,"{disposition}","DOCUMENTATION","{call}",""'
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "Master.csv"


def found(file: Path, *lines: str, of: tuple[str, ...] = (ONE,)) -> dict[str, PastCall]:
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return dict(CdrFile(file).find(frozenset(of)))


def test_a_talk_is_told_with_its_times_and_its_agent(file: Path) -> None:
    lines = (record("1741.5"), record(ONE), record(TWO))
    assert found(file, *lines) == {ONE: PastCall(at(1), at(0, 10), "", AGENT)}


@pytest.mark.parametrize(
    ("disposition", "status"),
    [("NO ANSWER", "NOANSWER"), ("BUSY", "BUSY"), ("CONGESTION", "CONGESTION"), ("FAILED", "CHANUNAVAIL")],
)
def test_a_call_that_nobody_answered_is_told_with_its_status(
    file: Path, disposition: str, status: str
) -> None:
    line = record(ONE, disposition, answer="", agent="")
    assert found(file, line) == {ONE: PastCall(at(1), None, status, "")}


def test_several_records_of_a_call_are_told_as_one(file: Path) -> None:
    """One for each agent that was rung: the first did not take it."""
    rung = record(ONE, "NO ANSWER", end="2026-03-02 15:00:30", agent="PJSIP/agent102-00000006", answer="")
    talk = record(ONE, answer="2026-03-02 15:00:31", end="2026-03-02 15:02:00")
    whole = {ONE: PastCall(at(2), at(0, 31), "", AGENT)}
    assert found(file, rung, talk) == found(file, talk, rung) == whole


def test_the_first_answer_and_the_last_end_count(file: Path) -> None:
    first = record(ONE, end="2026-03-02 15:01:00")
    second = record(ONE, answer="2026-03-02 15:01:00", end="2026-03-02 15:03:00", agent="PJSIP/agent102-9")
    assert found(file, first, second) == {ONE: PastCall(at(3), at(0, 10), "", "PJSIP/agent102-9")}


@pytest.mark.parametrize(
    "damaged",
    [
        f'"{ONE}',
        f'"","{ONE}","',
        record(ONE)[:-30] + '"',
        f'"","a","b","c","d","e","f","g","h","i","no date","no date",1,1,"ANSWERED","","{ONE}",""',
        f'"","1001\x00","{ONE}"',
        '"' * 7 + ONE,
    ],
)
def test_a_damaged_line_hides_nothing_of_the_next_one(file: Path, damaged: str) -> None:
    lines = (damaged, record(TWO), damaged, record(ONE))
    assert set(found(file, *lines, of=(ONE, TWO))) == {ONE, TWO}


def test_not_even_a_very_long_damaged_line_breaks_the_search(file: Path) -> None:
    damaged = f'"{ONE}","' + "x" * 200_000
    assert set(found(file, damaged, record(ONE))) == {ONE}
    assert found(file, f'"{ONE}","' + "x" * 200_000) == {}


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "é", "🙂"])
def test_whatever_a_caller_is_named_his_record_is_one_line(file: Path, mark: str) -> None:
    assert set(found(file, record(ONE, clid=f'""Ana{mark}B"" <1888>'))) == {ONE}


def test_bytes_that_are_no_text_do_not_matter(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\n" + record(ONE, clid="X").encode().replace(b"X", b"\xff") + b"\r\n")
    assert set(CdrFile(file).find(frozenset((ONE,)))) == {ONE}


def test_only_the_end_of_a_large_file_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdr_file, "_TAIL", 500)
    assert set(found(file, record(ONE), *[record("1741.5")] * 9, record(TWO), of=(ONE, TWO))) == {TWO}


def test_without_a_file_nothing_is_known(file: Path) -> None:
    assert CdrFile(file).find(frozenset((ONE,))) == {}
    assert CdrFile(file.parent).find(frozenset((ONE,))) == {}
    assert NoHistory().find(frozenset((ONE,))) == {}
