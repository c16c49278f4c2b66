"""Who may do what over the HTTP API: roles, the rights they have, and the campaigns they reach."""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.domain.errors import FieldError, excerpt


class Role(enum.StrEnum):
    """What a user is to the system; `users.role` holds the word."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    INTEGRATION = "integration"  # a program that loads contacts, calls and reads


class Right(enum.StrEnum):
    """What a route asks for. Every route names one."""

    OPEN = "open"  # nobody is asked who he is: logging in, the API's own description
    KNOWN = "known"  # whoever has a session
    CALL = "call"  # place and end calls, dispositions, tags
    WATCH = "watch"  # live views, settings, history
    LISTEN = "listen"  # recordings
    LOAD = "load"  # contacts, lists, scheduled calls, black list
    STEER = "steer"  # campaigns: start, stop, pace, settings
    MANAGE = "manage"  # agents, phones, members, webhooks
    USERS = "users"  # users, roles, tokens of others


#: Characters of a user's name.
_LONGEST_NAME = 80


def read_user_name(text: str, field: str = "user") -> str:
    """Return a login name: printable, without `:` and `/` (tokens and paths hold it). Raises FieldError."""
    name = unicodedata.normalize("NFC", text.strip())
    if not name or len(name) > _LONGEST_NAME:
        raise FieldError(field, f"a name has 1 to {_LONGEST_NAME} characters", "Correct it.")
    if not name.isprintable() or set(name) & set(":/\\\"'<>;,"):
        raise FieldError(
            field,
            f"{excerpt(name)} holds a character that no name may hold",
            "Use letters, digits, '.', '_', '-', '@'.",
        )
    return name


def read_campaigns(names: Iterable[str]) -> tuple[str, ...]:
    """Return the campaigns of a scope as they are kept. Raises FieldError."""
    kept = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    for name in kept:
        if len(name) > 128:
            raise FieldError("campaigns", f"{excerpt(name)} is longer than 128 characters", "Correct it.")
    return kept


_PROGRAM = frozenset((Right.KNOWN, Right.CALL, Right.WATCH, Right.LISTEN, Right.LOAD))
#: The rights of each role. `Right.OPEN` is nobody's: it needs no caller.
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.AGENT: frozenset((Right.KNOWN, Right.CALL)),
    Role.INTEGRATION: _PROGRAM,
    Role.SUPERVISOR: _PROGRAM | {Right.STEER},
    Role.ADMINISTRATOR: _PROGRAM | {Right.STEER, Right.MANAGE, Right.USERS},
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The campaigns that somebody reaches; names compare without regard to case, as in the database."""

    names: frozenset[str] = frozenset()
    everything: bool = False

    @classmethod
    def of(cls, campaigns: Iterable[str]) -> Scope:
        """Return the scope of `user_campaigns.campaign` values; `*` is every campaign."""
        names = frozenset(name.strip().casefold() for name in campaigns)
        return cls(names - {"*"}, "*" in names)

    def reaches(self, campaign: str) -> bool:
        """Is `campaign` inside? What concerns all campaigns (`*`) is inside only when all are."""
        return self.everything or campaign.strip().casefold() in self.names


#: Every campaign.
EVERYTHING = Scope(everything=True)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `phones`: the extensions that are his; `host`: the address that he asks from."""

    user: str
    role: Role
    scope: Scope
    phones: frozenset[str] = frozenset()
    host: str = ""

    def may(self, right: Right) -> bool:
        """Has the caller this right?"""
        return right in RIGHTS[self.role]

    def reaches(self, campaign: str, agent: str) -> bool:
        """Is a call of this campaign and agent ('' = nobody) the caller's business? An agent has his own."""
        mine = self.role is not Role.AGENT or not agent or self.is_me(agent)
        return mine and self.scope.reaches(campaign)

    def is_me(self, name: str) -> bool:
        """Is `name` (a user name, an extension or `TECH/extension`) the caller's own?"""
        extension = name.strip().rpartition("/")[2]
        return name.strip().casefold() == self.user.casefold() or extension in self.phones
