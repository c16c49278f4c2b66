"""The broadcast flow: what each event orders, for every stage; and the settings that make a script."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.speech import SpokenTexts
from engine.domain import broadcast as bc
from engine.domain.broadcast import Act, Question, Result, Script, Talk, step
from engine.domain.errors import FieldError
from engine.domain.modes import DEFAULT_OPTIONS, Machines
from engine.domain.scripts import read_script, spoken
from tests.builders import a_contact

MENU = {"1": Act.QUEUE, "2": Act.REPEAT, "3": Act.END, "9": Act.OPT_OUT}
MESSAGE = Question("message", ("hello", "offer"), MENU, wait=4, again=1)
SURVEY = Question("q1", ("ask",), dict.fromkeys("12345", Act.ANSWER))
SCRIPT = Script((MESSAGE, SURVEY), machine_sounds=("later",))


def run(script: Script, *events: bc.Event) -> tuple[Talk, list[bc.Order]]:
    talk, done = Talk(script), []
    for event in events:
        talk, orders = step(talk, event)
        done += orders
    return talk, done


def test_message_then_question_then_the_end() -> None:
    talk, done = run(SCRIPT, bc.Entered(), bc.Played(), bc.TimeUp(), bc.Played(), bc.TimeUp(), bc.Played())
    # Nobody pressed a key: the message was said twice, the question once.
    assert done == [
        bc.Play(("hello", "offer")), bc.WaitFor(4), bc.Play(("hello", "offer")), bc.WaitFor(4),
        bc.Play(("ask",)), bc.WaitFor(5.0),
    ]  # fmt: skip
    talk, orders = step(talk, bc.TimeUp())
    assert (talk.result, orders) == (Result.COMPLETED, (bc.HangUp(),))


@pytest.mark.parametrize(
    ("key", "result", "order"),
    [
        ("1", Result.QUEUED, bc.ToQueue()),
        ("9", Result.OPTED_OUT, bc.HangUp()),
        ("3", Result.COMPLETED, bc.HangUp()),
    ],
)
def test_a_key_interrupts_what_is_said(key: str, result: Result, order: bc.Order) -> None:
    talk, done = run(SCRIPT, bc.Entered(), bc.Pressed(key))
    assert (talk.result, done[1:]) == (result, [bc.StopPlaying(), order])
    assert talk.keys == key


def test_a_key_without_a_meaning_changes_nothing() -> None:
    talk, done = run(SCRIPT, bc.Entered(), bc.Pressed("7"))
    assert (talk.result, talk.keys, len(done)) == (None, "", 1)


def test_nobody_can_have_it_repeated_for_ever() -> None:
    _, done = run(SCRIPT, bc.Entered(), *[bc.Pressed("2")] * 10)
    assert done.count(bc.Play(MESSAGE.sounds)) == 1 + bc.MOST_REPEATS


def test_an_answer_goes_with_its_question() -> None:
    talk, _ = run(SCRIPT, bc.Entered(), bc.Played(), bc.TimeUp(), bc.Played(), bc.TimeUp(), bc.Pressed("4"))
    assert (talk.answers, talk.result) == ((("q1", "4", ""),), Result.COMPLETED)


def test_a_machine_hears_its_message_and_no_menu() -> None:
    talk, done = run(SCRIPT, bc.Entered(machine=True), bc.Pressed("9"), bc.Played())
    assert (talk.result, done) == (Result.MACHINE, [bc.Play(("later",)), bc.HangUp()])
    talk, done = run(replace(SCRIPT, machine_sounds=()), bc.Entered(machine=True))
    assert (talk.result, done) == (Result.MACHINE, [bc.HangUp()])


def test_who_leaves_or_cannot_be_played_to_is_told_apart() -> None:
    assert run(SCRIPT, bc.Entered(), bc.Left())[0].result is Result.HUNG_UP
    assert run(SCRIPT, bc.Entered(), bc.Played(failed=True))[0].result is Result.FAILED


def test_who_enters_again_after_a_gap_hears_the_present_question_again() -> None:
    _, done = run(SCRIPT, bc.Entered(), bc.Played(), bc.TimeUp(), bc.Played(), bc.TimeUp(), bc.Entered())
    assert done[-1] == bc.Play(("ask",))


EVENTS = st.sampled_from(
    [
        bc.Entered(), bc.Entered(machine=True), bc.Played(), bc.Played(failed=True), bc.TimeUp(), bc.Left(),
        bc.Recorded("x.wav"), bc.Recorded(""), *(bc.Pressed(key) for key in "0123456789*#"),
    ]
)  # fmt: skip


@given(st.lists(EVENTS, max_size=40))
def test_whatever_happens_it_ends_once_and_orders_nothing_afterwards(events: list[bc.Event]) -> None:
    talk, over = Talk(SCRIPT), False
    for event in events:
        talk, orders = step(talk, event)
        assert not (over and orders)
        over = talk.result is not None
        assert len(talk.keys) <= 32


ROW: dict[str, Any] = {
    "menu": "", "wait": 5, "again": 0, "survey": "", "consent": 0, "record": 0, "tts": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("sound", "row", "field"),
    [
        ("", None, "sound"),
        ("a b", None, "sound"),
        ("../../etc/x", None, "sound"),
        ("x", {"menu": "1=dance"}, "broadcast_options.menu"),
        ("x", {"menu": "12=queue"}, "broadcast_options.menu"),
        ("x", {"menu": "1=consent"}, "broadcast_options.menu"),
        ("x", {"survey": "q"}, "broadcast_options.survey"),
        ("x", {"survey": "q 1=x"}, "broadcast_options.survey"),
        ("x", {"wait": 0}, "broadcast_options.wait"),
        ("x", {"again": 9}, "broadcast_options.again"),
        ("x", {"consent": 1, "menu": "1=queue"}, "broadcast_options.menu"),
        ("x", {"consent": 1, "record": 100}, "broadcast_options.record"),
    ],
)
def test_settings_that_make_no_script_name_their_column(
    sound: str, row: dict[str, Any] | None, field: str
) -> None:
    with pytest.raises(FieldError) as caught:
        read_script(sound, None if row is None else ROW | row, DEFAULT_OPTIONS)
    assert caught.value.field == field


def test_a_whole_script() -> None:
    options = replace(DEFAULT_OPTIONS, machines=Machines.MESSAGE, machine_sound="m1&m2")
    script = read_script("a&b", ROW | {"menu": "1=queue:9=optout", "survey": "q1=x:q2=y&z"}, options)
    assert [question.name for question in script.questions] == ["message", "q1", "q2"]
    assert script.questions[0].sounds == ("a", "b")
    assert script.questions[2].keys["7"] is Act.ANSWER
    assert script.machine_sounds == ("m1", "m2")


def test_text_takes_what_the_contact_has_and_nothing_else() -> None:
    contact = replace(a_contact(), data="name=Ana:debt=12")
    assert spoken("Hello {name}, {debt} {unknown}!", contact) == "Hello Ana, 12 !"


def test_one_wish_too_many_to_hear_it_again_leaves_the_call_as_it_was() -> None:
    talk, _ = run(SCRIPT, bc.Entered(), *[bc.Pressed("2")] * bc.MOST_REPEATS, bc.Played())
    assert talk.stage is bc.Stage.ASKING
    # The very same: whoever performs goes on waiting for the time that he was ordered to wait.
    assert step(talk, bc.Pressed("2")) == (talk, ())
    assert step(talk, bc.Pressed("2"))[0] is talk


def test_a_machine_that_is_met_again_after_a_gap_hears_its_own_message() -> None:
    _, done = run(SCRIPT, bc.Entered(machine=True), bc.Entered(), bc.Played())
    assert done == [bc.Play(("later",)), bc.Play(("later",)), bc.HangUp()]


async def test_a_text_is_no_option_of_the_command_and_is_spoken_once(tmp_path: Path) -> None:
    speaker = tmp_path / "speak.py"
    speaker.write_text(
        "import sys; open(sys.argv[1], 'w').write('x'); print(*sys.argv[2:], sep='|', file=open("
        f"{str(tmp_path / 'said')!r}, 'a'))"
    )
    spoken_texts = SpokenTexts((sys.executable, str(speaker), "{file}", "{text}"), tmp_path / "tts")
    assert spoken_texts.able
    assert not SpokenTexts((), tmp_path).able
    first = await spoken_texts.sound("-f/etc/passwd {file}")
    assert await spoken_texts.sound("-f/etc/passwd {file}") == first
    assert (tmp_path / "said").read_text() == " -f/etc/passwd {file}\n"
    another_voice = SpokenTexts((sys.executable, "-O", str(speaker), "{file}", "{text}"), tmp_path / "tts")
    assert await another_voice.sound("-f/etc/passwd {file}") != first
