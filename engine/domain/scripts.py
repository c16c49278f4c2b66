"""From `dialers.sound` and the row of `broadcast_options` to the script of a call; errors name the column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.domain.broadcast import Act, Question, Script
from engine.domain.errors import FieldError, excerpt
from engine.domain.model import Contact
from engine.domain.modes import Machines, Options
from engine.domain.variables import parse_variables

Row = Mapping[str, Any]

#: A sound that begins so is text, to be spoken by the configured command.
TEXT = "text:"
_SOUND = re.compile(r"[A-Za-z0-9_./-]{1,200}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_KEYS = "0123456789*#"
_MENU_ACTS = (Act.QUEUE, Act.OPT_OUT, Act.REPEAT, Act.ANSWER, Act.END)
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_]{1,64})\}")


def read_script(
    sound: str, row: Row | None, options: Options, *, has_queue: bool = True, speaks: bool = True
) -> Script:
    """Return the script of a broadcast campaign. `has_queue`: is there one of its name; `speaks`: can texts
    be spoken? Raises FieldError."""
    text = str(row["tts"] or "").strip() if row else ""
    if text and not sound and not speaks:
        raise FieldError(
            "broadcast_options.tts", "nothing speaks texts", "Set ari.tts_command, or name a recording."
        )
    message = _sounds(sound, "sound") if sound else ((TEXT + text,) if text else ())
    if not message:
        raise FieldError("sound", "a broadcast has nothing to say", "Name a recording, or fill tts.")
    machine = options.machine_sound if options.machines is Machines.MESSAGE else ""
    machine_sounds = _sounds(machine, "dialer_options.machine_sound") if machine else ()
    if row is None:
        return Script((Question("", message),), machine_sounds)
    wait, again = _number(row, "wait", 1, 60), _number(row, "again", 0, 5)
    if row["consent"]:
        if row["menu"]:
            raise FieldError("broadcast_options.menu", "keys 1 and 2 ask for consent", "Leave it empty.")
        if row["survey"]:
            raise FieldError(
                "broadcast_options.survey", "a call asks for consent or for answers", "Leave it empty."
            )
        keys = {"1": Act.CONSENT, "2": Act.REFUSE, "9": Act.OPT_OUT}
        record = _number(row, "record", 0, 60)
        asked = Question("consent", message, {} if record else keys, wait, again, record)
        return Script((asked,), machine_sounds)
    if row["record"]:
        raise FieldError(
            "broadcast_options.record", "only consent is recorded", "Set consent to 1, or record to 0."
        )
    menu = _menu(str(row["menu"] or ""))
    if Act.QUEUE in menu.values() and not has_queue:
        raise FieldError(
            "broadcast_options.menu", "a key leads to agents, and there is no queue",
            "Insert the queue with the campaign's name, or take the key out.",
        )  # fmt: skip
    first = Question("message", message, menu, wait, again)
    questions = tuple(_questions(str(row["survey"] or ""), wait, again))
    return Script((first, *questions), machine_sounds)


def _sounds(text: str, field: str) -> tuple[str, ...]:
    sounds = tuple(part.strip() for part in text.split("&") if part.strip())
    for sound in sounds:
        if not _SOUND.fullmatch(sound) or ".." in sound:
            raise FieldError(
                field, f"{excerpt(sound)} is no sound's name", "Use letters, digits, '_', '-', '.' and '/'."
            )
    return sounds


def _menu(text: str) -> dict[str, Act]:
    keys: dict[str, Act] = {}
    for part in text.split(":"):
        if not part.strip():
            continue
        key, _, word = (piece.strip() for piece in part.partition("="))
        if len(key) != 1 or key not in _KEYS or word not in _MENU_ACTS:
            known = ", ".join(_MENU_ACTS)
            raise FieldError(
                "broadcast_options.menu",
                f"{excerpt(part)} is no key with an act",
                f"Write 1=queue:9=optout; the acts are {known}.",
            )
        keys[key] = Act(word)
    return keys


def _questions(text: str, wait: float, again: int) -> list[Question]:
    questions = []
    for part in text.split(":"):
        if not part.strip():
            continue
        name, equals, sounds = (piece.strip() for piece in part.partition("="))
        if not _NAME.fullmatch(name) or not equals:
            raise FieldError(
                "broadcast_options.survey",
                f"{excerpt(part)} is no question",
                "Write name=sound:name=sound&sound; any digit is an answer.",
            )
        keys = dict.fromkeys(_KEYS[:10], Act.ANSWER)
        questions.append(Question(name, _sounds(sounds, "broadcast_options.survey"), keys, wait, again))
    return questions


def _number(row: Row, column: str, low: int, high: int) -> int:
    value = int(row[column])
    if not low <= value <= high:
        raise FieldError(f"broadcast_options.{column}", f"{value} is out of range", f"Use {low} to {high}.")
    return value


def spoken(text: str, contact: Contact) -> str:
    """Return what is said to this contact: {name} stands for the value in his data, '' where he has none."""
    data = parse_variables(contact.data)
    return _PLACEHOLDER.sub(lambda match: data.get(match[1]), text)
