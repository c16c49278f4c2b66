"""The documented settings of a dialer, as SIP shows them to carriers and phones."""

from __future__ import annotations

import re

import pytest

from tests.stage import CAMPAIGN, Stage

TRACED = "TRACED->"


def _invitation(stage: Stage, number: str) -> str:
    """Return the first INVITE for `number` that the carrier received in this test."""
    text = stage.carrier.messages.read_text(errors="replace")
    for message in reversed(re.split(r"^-{10,}.*$", text, flags=re.MULTILINE)):
        if f"INVITE sip:{number}@" in message and "received" in message:
            return message
    raise AssertionError(f"no INVITE for {number}")


@pytest.mark.parametrize(("code", "hidden"), [(35, True), (20, False), (0, False)])
def test_callerpres_hides_the_caller_when_it_is_a_code_that_says_so(
    stage: Stage, code: int, hidden: bool
) -> None:
    stage.dialer(callerpres=code, maxchannels=1)
    stage.contacts({"destination": f"5556{code:03d}486"})
    stage.start()
    stage.ended(1)
    invitation = _invitation(stage, f"5556{code:03d}486")
    assert ("Privacy: id" in invitation) is hidden
    assert ("anonymous" in invitation.lower()) is hidden


@pytest.mark.parametrize("automatic", [1, 0])
@pytest.mark.parametrize("kind", ["Preview", "PowerDialer"])
def test_autoanswer_asks_the_agents_phone_to_answer_by_itself(
    stage: Stage, kind: str, automatic: int
) -> None:
    stage.dialer(TRACED, dialertype=kind, context=kind, tbc=0, autoanswer=automatic, timeout=8)
    stage.contacts({"destination": "5556100100"}, campaign=TRACED)
    stage.start()
    stage.ended(1)
    assert stage.value("SELECT outcome FROM ccdata.attempts") == "answered"
    invitation = _invitation(stage, "phone200")
    assert ("answer-after=0" in invitation) is bool(automatic)
    assert ("alert-autoanswer" in invitation) is bool(automatic)
    # An agent who is called first sees whom he is going to talk to.
    assert ("5556100100" in invitation) or kind == "PowerDialer"


def test_early_media_begins_the_flow_and_is_no_answer_when_none_follows(stage: Stage) -> None:
    stage.dialer(earlymedia=1, maxchannels=2, timeout=10)
    stage.contacts({"destination": "5556200183"}, {"destination": "5556201487"})
    stage.start()
    stage.ended(2)
    rows = dict(stage.sql("SELECT destination, outcome FROM ccdata.attempts"))
    assert rows == {"5556200183": "answered", "5556201487": "cancelled"}


def test_without_earlymedia_nothing_begins_before_the_answer(stage: Stage) -> None:
    stage.dialer(earlymedia=0, maxchannels=2, timeout=10)
    stage.contacts({"destination": "5556201487"})
    stage.start()
    stage.ended(1)
    row = stage.sql("SELECT outcome, answered_at IS NULL FROM ccdata.attempts")
    assert row == [["cancelled", "1"]]
    told = stage.sql(f"SELECT event FROM ccrepo.queue_log_repo WHERE queuename = '{CAMPAIGN}'")
    assert told == [["OUTCALL"]]
