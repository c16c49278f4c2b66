"""Voice broadcast on the real parts: what people hear, what their keys do, what stays in the tables."""

from __future__ import annotations

import sys

import pytest

from tests.stage import CAMPAIGN, Stage


def _broadcast(stage: Stage, sound: str = "beep", **options: object) -> None:
    """A campaign that calls the loopback's persons: 71x presses x after a second, 720 listens to the end."""
    stage.dialer(
        dialertype="VoiceBroadCast", context="VoiceBroadCast", dialstring="Local/@pressers",
        sound=sound, tbc=0, retries=0, maxchannels=10, timeout=10,
    )  # fmt: skip
    if options:
        names, values = ", ".join(options), ", ".join(f"'{value}'" for value in options.values())
        stage.sql(f"INSERT INTO ccdata.broadcast_options (campaign, {names}) VALUES ('{CAMPAIGN}', {values})")


def _results(stage: Stage) -> dict[str, str]:
    return dict(stage.sql("SELECT destination, result FROM ccdata.broadcast_results"))


def test_a_message_is_heard_to_its_end_by_whoever_stays(stage: Stage) -> None:
    _broadcast(stage, "vm-intro")
    stage.contacts({"destination": "5550720"}, {"destination": "5550730"})
    stage.start()
    stage.ended(2)
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.broadcast_results", 2)
    assert _results(stage) == {"5550720": "completed", "5550730": "hung_up"}
    assert stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE outcome = 'answered'") == "2"
    assert stage.value("SELECT seconds > 2 FROM ccdata.broadcast_results WHERE result = 'completed'") == "1"


def test_keys_opt_out_repeat_and_reach_an_agent(stage: Stage) -> None:
    _broadcast(stage, "vm-intro", menu="1=queue:2=repeat:9=optout", wait=2)
    stage.contacts({"destination": "5550711"}, {"destination": "5550712"}, {"destination": "5550719"})
    stage.start()
    stage.ended(3)
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.broadcast_results", 3)
    assert _results(stage) == {"5550711": "queued", "5550712": "completed", "5550719": "opted_out"}
    talked = stage.sql("SELECT destination FROM ccdata.attempts WHERE agent <> ''")
    assert talked == [["5550711"]]
    assert stage.sql("SELECT phone, campaign FROM ccdata.black_list") == [["5550719", "*"]]
    keys = stage.value("SELECT keys_pressed FROM ccdata.broadcast_results WHERE destination = '5550712'")
    assert keys == "2"


def test_answers_to_a_survey_are_kept_by_question(stage: Stage) -> None:
    _broadcast(stage, "beep", survey="satisfied=vm-intro", wait=3)
    stage.contacts({"destination": "5550714"})
    stage.start()
    stage.ended(1)
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.broadcast_results", 1)
    assert stage.sql("SELECT question, answer FROM ccdata.broadcast_answers") == [["satisfied", "4"]]


@pytest.mark.parametrize(("number", "result"), [("5550711", "consented"), ("5550712", "refused")])
def test_consent_is_asked_for_and_a_no_is_for_good(stage: Stage, number: str, result: str) -> None:
    _broadcast(stage, "vm-intro", consent=1, wait=3)
    stage.contacts({"destination": number})
    stage.start()
    stage.ended(1)
    stage.wait_for_value("SELECT result FROM ccdata.broadcast_results", result)
    given = stage.sql("SELECT phone, given_at IS NOT NULL, withdrawn_at IS NOT NULL FROM ccdata.consents")
    yes = result == "consented"
    assert given == [[number, str(int(yes)), str(int(not yes))]]
    blocked = stage.value("SELECT COUNT(*) FROM ccdata.black_list")
    assert blocked == str(int(not yes))


def test_consent_by_voice_is_kept_as_a_recording(stage: Stage) -> None:
    _broadcast(stage, "beep", consent=1, record=3)
    stage.contacts({"destination": "5550740"})
    stage.start()
    stage.ended(1)
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.broadcast_results", 1)
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.broadcast_answers", 1)
    name = stage.value("SELECT recording FROM ccdata.broadcast_answers")
    assert (stage.asterisk.home / "spool/recording" / name).stat().st_size > 1000


def test_a_text_is_spoken_by_the_configured_command(stage: Stage) -> None:
    speaker = stage.home / "speak.py"
    stage.home.mkdir(parents=True, exist_ok=True)
    speaker.write_text(
        "import sys, wave\n"
        "open(sys.argv[1] + '.said', 'w').write(sys.argv[2])\n"
        "out = wave.open(sys.argv[1], 'wb'); out.setparams((1, 2, 8000, 0, 'NONE', ''))\n"
        "out.writeframes(b'\\x00\\x10' * 4000)\n"
    )
    stage.ari_lines = f'tts_command = ["{sys.executable}", "{speaker}", "{{file}}", "{{text}}"]\n'
    _broadcast(stage, "", tts="Hello {name}, your parcel is here.")
    stage.contacts({"destination": "5550720", "data": "name=Ana; rm -rf /"})
    stage.start()
    stage.ended(1)
    stage.wait_for_value("SELECT result FROM ccdata.broadcast_results", "completed")
    said = [file.read_text() for file in (stage.home / "tts").glob("*.said")]
    assert said == ["Hello Ana; rm -rf /, your parcel is here."]


def test_a_broadcast_without_anything_to_say_names_the_field(stage: Stage) -> None:
    _broadcast(stage, "")
    stage.start()
    stage.wait_for_value("SELECT state FROM ccdata.campaign_state", "set_aside")
    assert stage.value("SELECT field FROM ccdata.campaign_state") == "sound"


def test_a_message_that_is_missing_is_not_played_to_everybody(stage: Stage) -> None:
    _broadcast(stage, "no-such-sound")
    stage.sql("UPDATE ccdata.dialers SET maxchannels = 2")
    stage.contacts(*({"destination": f"55509{n:02d}20"} for n in range(12)))
    stage.start()
    stage.wait_for_value("SELECT bound FROM ccdata.campaign_state", "refused")
    assert "heard nothing" in stage.value("SELECT reason FROM ccdata.campaign_state")
    assert set(_results(stage).values()) == {"failed"}
    assert int(stage.value("SELECT COUNT(*) FROM ccdata.attempts")) <= 6
    # Mended, it goes on.
    stage.sql("UPDATE ccdata.dialers SET sound = 'beep'")
    stage.wait_for_value("SELECT COUNT(*) > 2 FROM ccdata.broadcast_results WHERE result = 'completed'", 1)


def test_bursts_of_keys_end_in_one_result(stage: Stage) -> None:
    _broadcast(stage, "beep&beep", menu="2=repeat:9=optout", wait=2)
    stage.contacts({"destination": "5550751"}, {"destination": "5550762"})
    stage.start()
    stage.ended(2)
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.broadcast_results", 2)
    assert _results(stage) == {"5550751": "completed", "5550762": "opted_out"}
    keys = dict(stage.sql("SELECT destination, keys_pressed FROM ccdata.broadcast_results"))
    assert keys == {"5550751": "222", "5550762": "9"}
