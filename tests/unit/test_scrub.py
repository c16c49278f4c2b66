"""What is handed to strangers names no secret, no number and nobody."""

from __future__ import annotations

import pytest

from engine.desk.scrub import MAIL, NUMBER, REMOVED, SECRET, Scrubber

SCRUB = Scrubber(["s3cret!", ""])


@pytest.mark.parametrize(
    "number",
    [
        "5551234567",
        "+1 555 123 4567",
        "(555) 123-4567",
        "555.123.4567",
        "0991234",
        "+49 (0)30 / 123 456",
        "00 44 20 7946 0018",
    ],
)
def test_numbers_are_taken_out_however_they_are_written(number: str) -> None:
    left = SCRUB.text(f"the number {number} is odd")
    assert left == f"the number {NUMBER} is odd"


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-13T12:30:45.123456Z", "2026-05-13 12:30:45",
        "0197a2b3-c4d5-7e6f-8a9b-0c1d2e3f4a5b", "0.123456",
        "127.0.0.1", "port 9469", "12 of 300",
    ],
)  # fmt: skip
def test_moments_ids_and_small_numbers_stay(text: str) -> None:
    assert SCRUB.text(f"at {text}.") == f"at {text}."


def test_secrets_mails_logins_and_contacts_data_are_taken_out() -> None:
    assert SCRUB.text("login with s3cret! refused") == f"login with {SECRET} refused"
    assert SCRUB.text("http://me:word@host/x") == f"http://{SECRET}@host/x"
    assert SCRUB.text("to ana.maria@example.com now") == f"to {MAIL} now"
    assert "Mario" not in SCRUB.text("variables: 'name=Mario:state=KY' is too long")


def test_values_are_judged_by_their_names_too() -> None:
    left = SCRUB.value(
        {"password": "x", "contact": "K-1", "destination": 5551234, "call_id": "0197a2b3", "row": 12345678,
         "reason": "call 5551234567", "list": ["5551234567"], "on": True, "none": None, "5551234567": 1}
    )  # fmt: skip
    assert left == {
        "password": SECRET, "contact": REMOVED, "destination": REMOVED, "call_id": "0197a2b3",
        "row": 12345678, "reason": f"call {NUMBER}", "list": [NUMBER], "on": True, "none": None, NUMBER: 1,
    }  # fmt: skip


def test_lines_that_are_no_json_are_scrubbed_as_they_are() -> None:
    assert SCRUB.line("Traceback: 5551234567") == f"Traceback: {NUMBER}"
    assert SCRUB.line('{"event":"x","phone":"1"}') == f'{{"event":"x","phone":"{REMOVED}"}}'


def test_of_metrics_only_labels_are_touched() -> None:
    page = 'x{campaign="TO 5551234567",le="0.0005"} 1234567.0\n'
    assert SCRUB.metrics(page) == f'x{{campaign="TO {NUMBER}",le="0.0005"}} 1234567.0\n'
