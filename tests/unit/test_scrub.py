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
        "099_123_456",
        "099,123,456",
        "555,123,4567",
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
        "127.0.0.1", "port 9469", "12 of 300", "2026-05-13 12:30:45,123", "12,345 rows", "123,456 of 999,999",
        "0.25,0.5,13.125", "10.0.0.1,192.168.1.20",
    ],
)  # fmt: skip
def test_moments_ids_and_small_numbers_stay(text: str) -> None:
    assert SCRUB.text(f"at {text}.") == f"at {text}."


def test_secrets_mails_logins_and_contacts_data_are_taken_out() -> None:
    assert SCRUB.text("login with s3cret! refused") == f"login with {SECRET} refused"
    assert SCRUB.text("http://me:word@host/x") == f"http://{SECRET}@host/{REMOVED}"
    assert SCRUB.text("to ana.maria@example.com now") == f"to {MAIL} now"
    assert "Mario" not in SCRUB.text("variables: 'name=Mario:state=KY' is too long")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("user 'admin' was made with the password 4UA2-xyz (shown this once)",
         f"user 'admin' was made with the password {SECRET} (shown this once)"),
        ("Password: 4UA2xyz, then", f"Password: {SECRET}, then"),
        ("Access denied for user 'me'@'localhost' (using password: YES)",
         "Access denied for user 'me'@'localhost' (using password: YES)"),
        ("Authorization: Bearer 4UA2.xyz-_ refused", f"Authorization: Bearer {SECRET} refused"),
        ("authorization basic YWRtaW46NFVBMg==", f"authorization basic {SECRET}"),
        ("signed with whsec_MfKQ9r8G/KYq+Tw= twice", f"signed with {SECRET} twice"),
        ("to https://hooks.example.com/services/T0/B1?key=x failed",
         f"to https://hooks.example.com/{REMOVED} failed"),
        ("to https://hooks.example.com:8443 failed", "to https://hooks.example.com:8443 failed"),
        ("1062: Duplicate entry 'O'Hara-4711' for key 'PRIMARY'",
         f"1062: Duplicate entry '{REMOVED}' for key 'PRIMARY'"),
        ("1366: Incorrect integer value: 'Mario' for column `x`.`n` at row 1",
         f"1366: Incorrect integer value: '{REMOVED}' for column `x`.`n` at row 1"),
        ("RuntimeError: (('first_name', 'Mario'), ('OD_NUMBER', '12'), ('plan', 'B'))",
         f"RuntimeError: (('first_name', '{REMOVED}'), ('OD_NUMBER', '{REMOVED}'), ('plan', 'B'))"),
        ("Settings({'secret': 'a b', 'user': 'me'})", f"Settings({{'secret': '{SECRET}', 'user': 'me'}})"),
    ],
)  # fmt: skip
def test_what_words_around_it_show_to_be_a_secret_or_a_value_is_taken_out(text: str, left: str) -> None:
    assert SCRUB.text(text) == left


def test_variables_of_frames_and_pairs_of_name_and_value_are_taken_out() -> None:
    frame = {"name": "ask", "lineno": 7, "locals": {"order": "Originate(channel='PJSIP/x')", "n": "'Mario'"}}
    left = SCRUB.value({"exception": [{"frames": [frame]}], "set": [["last_name", "Rossi"], ["plan", "B"]]})
    assert left["exception"][0]["frames"][0]["locals"] == REMOVED
    assert left["exception"][0]["frames"][0]["lineno"] == 7
    assert left["set"] == [["last_name", REMOVED], ["plan", "B"]]


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
