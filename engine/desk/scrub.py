"""Takes secrets, numbers and personal data out of what is handed to strangers.

It errs on the side of taking out too much: what is left tells what the engine did, not to whom.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

SECRET, NUMBER, MAIL, REMOVED = "(secret)", "(number)", "(mail)", "(removed)"

#: Values under such names are secrets, or tell of a person.
_SECRET_NAME = re.compile(r"secret|password|passwd|token|api_?key|authorization|cookie|tts_command", re.I)
_PERSONAL_NAME = re.compile(
    r"^(?:od_)?(number|phone|destination|dst|src|clid|caller_?id(_?num|_?name)?|connected_?line.*|contact|data"
    r"|alternatives|entry|parandvalues|name|first_?name|last_?name|e?mail|address|text|agent|agentphone|interface"
    r"|accountcode|dnid|exten|variables?)$",
    re.I,
)
#: Names whose values are numbers of ours, or names that a person gave to a thing.
_OURS = frozenset(
    (
        "timestamp",
        "at",
        "since",
        "updated_at",
        "decided_at",
        "call_id",
        "row",
        "token",
        "fence",
        "version",
        "campaign",
    )
)
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_MOMENT = (
    r"20\d\d-(?:0[1-9]|1[0-2])-(?:[0-2]\d|3[01])"
    r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?"
)
_FRACTION = r"(?:0\.\d+|\d{1,5}\.\d{1,3})"
#: Only addresses that tell of no person.
_ADDRESS = r"(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}"
#: A count with one separator, 12,345; with two it may be anybody's number.
_COUNT = r"(?<![,_])[1-9]\d{0,2},\d{3}(?![,_.]?\d)"
#: What looks like a number and is none comes first: it is left as it is.
_KEEP_OR_NUMBER = re.compile(
    rf"(?<![\d.])(?P<keep>{_UUID}|{_MOMENT}|{_ADDRESS}|{_FRACTION}|{_COUNT})(?!\.?\d)"
    r"|(?P<number>\+?\(?\d(?:(?:[\s().\-/]{0,3}|[_,])\d){5,})"
)
_MAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
#: A contact's data as the spool has it: name=value:name=value.
_DATA = re.compile(r"\b(\w{1,64})=([^:='\"&;,()<>\n]+)")
_LOGIN = re.compile(r"(?<=://)[^/\s@]+@")
#: What follows such a word is a secret, but for the server's own "using password: YES".
_TOLD = re.compile(
    r"\b((?:password|passwd|passphrase|bearer|basic)['\"]?\s*[:=]?\s+|(?:password|passwd|secret)['\"]?\s*[:=]\s*)"
    r"(?!(?:YES|NO)\b)(['\"]?)[^\s'\",;]+",
    re.I,
)
_WEBHOOK_KEY = re.compile(r"whsec_[\w+/=-]+")
#: Where a webhook goes often is its secret; the server's name tells enough.
_URL = re.compile(r"\b(https?://[^\s/?#'\"<>\\]+)[/?#][^\s'\"<>\\]+", re.I)
#: A value, or a piece of a statement, in the database's words.
_ROW = re.compile(
    r"\b(Duplicate entry|value:?|near) (?:'.*'(?= for (?:key|column) )|'.*'(?= at line )|'.*')", re.S
)
#: A name and its value as Python and JSON write them: 'name': 'value', ('name', 'value').
_PAIR = re.compile(r"""(['"])(\w{1,64})\1(\s*[:,]\s*)(['"])((?:\\.|(?!\4).)*)\4""")


def _telling(name: str) -> bool:
    """Is a value of this name a secret, or does it tell of a person?"""
    return bool(_SECRET_NAME.search(name) or _PERSONAL_NAME.match(name)) and name.isidentifier()


def _pair(found: re.Match[str]) -> str:
    quote, name, between, other = found[1], found[2], found[3], found[4]
    if not _telling(name) or not found[5]:
        return found[0]
    left = SECRET if _SECRET_NAME.search(name) else REMOVED
    return f"{quote}{name}{quote}{between}{other}{left}{other}"


class Scrubber:
    """`secrets`: values that must not be seen wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted((s for s in secrets if len(s) > 2), key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return a text without what must not be seen."""
        for secret in self._secrets:
            text = text.replace(secret, SECRET)
        text = _LOGIN.sub(f"{SECRET}@", text)
        text = _URL.sub(rf"\1/{REMOVED}", text)
        text = _WEBHOOK_KEY.sub(SECRET, text)
        text = _PAIR.sub(_pair, text)
        text = _TOLD.sub(rf"\1\2{SECRET}", text)
        text = _ROW.sub(rf"\1 '{REMOVED}'", text)
        text = _MAIL.sub(MAIL, text)
        text = _DATA.sub(rf"\1={REMOVED}", text)
        return _KEEP_OR_NUMBER.sub(lambda found: found["keep"] or NUMBER, text)

    def value(self, value: Any, name: str = "") -> Any:
        """Return plain values (of JSON) without what must not be seen; `name`: under which it stands."""
        if name == "locals":  # of a frame, in the log of an older engine
            return REMOVED
        if _SECRET_NAME.search(name):
            return SECRET if value else value
        if _PERSONAL_NAME.match(name) and not isinstance(value, Mapping | bool | None.__class__):
            return REMOVED if value != "" else value
        if isinstance(value, Mapping):
            return {self.key(str(key)): self.value(one, str(key)) for key, one in value.items()}
        if isinstance(value, list | tuple):
            if len(value) == 2 and isinstance(value[0], str) and _telling(value[0]):
                return [value[0], self.value(value[1], value[0])]
            return [self.value(one, name) for one in value]
        if isinstance(value, str):
            return self._safe(value) if name in _OURS else self.text(value)
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and abs(value) >= 10**6
            and name not in _OURS
        ):
            return NUMBER
        return value

    def key(self, key: str) -> str:
        """Return the name of a value; a number may stand there, too."""
        return self.text(key)

    def _safe(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, SECRET)
        return text

    def line(self, line: str) -> str:
        """Return a line of the log."""
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            return self.text(line)
        return orjson.dumps(self.value(found)).decode() if isinstance(found, dict) else self.text(line)

    def metrics(self, text: str) -> str:
        """Return a page of metrics: only labels are touched, the measures are numbers of ours."""
        return re.sub(r"\{[^}]*\}", lambda found: self._labels(found[0]), text)

    def _labels(self, labels: str) -> str:
        return re.sub(r'="((?:[^"\\]|\\.)*)"', lambda found: f'="{self._number_free(found[1])}"', labels)

    def _number_free(self, value: str) -> str:
        return value if re.fullmatch(r"[\d.e+-]+|\+Inf", value) else self.text(value)
