"""Rules on passwords and accounts, roles and scopes, and how passwords are hashed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from engine.adapters import hashing
from engine.adapters.hashing import Passwords, TooBusyError
from engine.api.staff import random_password
from engine.domain.access import RIGHTS, Caller, Right, Role, Scope, read_campaigns, read_user_name
from engine.domain.errors import FieldError
from engine.domain.passwords import Account, Policy, State, check_password, obstacle, stale

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
LOCAL = NOW.replace(tzinfo=None)  # as the columns hold it
LATER = LOCAL + timedelta(minutes=1)
OLD = NOW - timedelta(days=10)
ACCOUNT = Account(State.ACTIVE, password_at=OLD, enabled_at=OLD)
STRICT = Policy(special=True)
LIGHT = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("Short-1", "shorter than 12"),
        ("a" * 300, "longer than 256"),
        ("UPPER-CASE-77", "a lower-case letter"),
        ("lower-case-77", "a capital letter"),
        ("No-digits-here", "a digit"),
        ("NoSpecial77777x", "a special character"),
        ("Anna-is-here-77", "the user's name"),
        ("aA1-aA1-aA1-", "repeats"),
    ],
)
def test_a_password_that_breaks_a_rule_is_refused_by_name(password: str, problem: str) -> None:
    with pytest.raises(FieldError, match=problem) as refused:
        check_password(STRICT, password, "anna")
    assert password not in str(refused.value)


def test_rules_that_are_off_ask_for_nothing() -> None:
    check_password(Policy(minimum=8, lower=False, upper=False, digit=False), "?!#%&+()", "anna")


def test_random_passwords_pass_every_policy() -> None:
    for _ in range(50):
        check_password(replace(STRICT, minimum=24), random_password(), "admin")


@pytest.mark.parametrize(
    ("account", "why"),
    [
        (ACCOUNT, ""),
        (replace(ACCOUNT, state=State.INACTIVE), "inactive"),
        (replace(ACCOUNT, state=State.BLOCKED, blocked_at=NOW - timedelta(minutes=29)), "blocked"),
        (replace(ACCOUNT, state=State.BLOCKED, blocked_at=NOW - timedelta(minutes=30)), ""),
        (replace(ACCOUNT, state=State.BLOCKED), "blocked"),
        (replace(ACCOUNT, valid_from=LATER), "not valid yet"),
        (replace(ACCOUNT, valid_until=LOCAL), "not valid any more"),
        (replace(ACCOUNT, valid_until=LATER), ""),
        (replace(ACCOUNT, enabled_at=NOW - timedelta(days=91)), "nobody has logged in"),
        (replace(ACCOUNT, enabled_at=NOW - timedelta(days=91), login_at=NOW - timedelta(days=89)), ""),
        (replace(ACCOUNT, enabled_at=NOW - timedelta(days=1), login_at=NOW - timedelta(days=400)), ""),
        (replace(ACCOUNT, login_hours="mon-fri;08:00-18:00"), ""),
        (replace(ACCOUNT, login_hours="mon-fri;13:00-18:00"), "outside the login hours"),
        (replace(ACCOUNT, login_hours="sat-sun;00:00-23:59"), "outside the login hours"),
        (replace(ACCOUNT, login_hours="whenever"), "outside the login hours"),
    ],
)  # fmt: skip
def test_who_may_log_in(account: Account, why: str) -> None:
    said = obstacle(Policy(), account, NOW, NOW)
    assert (said == "") if not why else (why in said)


def test_a_block_lasts_until_somebody_ends_it_when_so_configured() -> None:
    account = replace(ACCOUNT, state=State.BLOCKED, blocked_at=NOW - timedelta(days=300))
    assert "blocked" in obstacle(Policy(unblock_minutes=0), account, NOW, NOW)


@pytest.mark.parametrize(
    ("account", "why"),
    [
        (ACCOUNT, ""),
        (replace(ACCOUNT, must_change=True), "changed at first"),
        (replace(ACCOUNT, password_at=NOW - timedelta(days=91)), "expired"),
        (replace(ACCOUNT, password_at=NOW - timedelta(days=91), must_change=True, password_stays=True), ""),
    ],
)
def test_when_a_password_must_be_changed(account: Account, why: str) -> None:
    said = stale(Policy(), account, NOW)
    assert (said == "") if not why else (why in said)
    assert stale(Policy(expires_days=0), ACCOUNT, NOW + timedelta(days=9000)) == ""


def test_every_right_but_open_belongs_to_administrators_and_no_other_role_has_users() -> None:
    assert RIGHTS[Role.ADMINISTRATOR] == set(Right) - {Right.OPEN}
    assert [role for role in Role if Right.USERS in RIGHTS[role]] == [Role.ADMINISTRATOR]
    assert RIGHTS[Role.AGENT] < RIGHTS[Role.INTEGRATION] < RIGHTS[Role.SUPERVISOR]


def test_a_scope_reaches_its_campaigns_and_all_of_them_only_with_a_star() -> None:
    scope = Scope.of(["Sales<-", " help-> "])
    assert scope.reaches("SALES<-")
    assert scope.reaches("help->")
    assert not scope.reaches("*")
    assert not scope.reaches("")
    assert not Scope().reaches("SALES<-")
    assert Scope.of(["*"]).reaches("*")


def test_an_agent_is_himself_by_name_and_by_phone() -> None:
    agent = Caller("Ann", Role.AGENT, Scope(), frozenset({"201"}))
    for name in ("ann", "201", "SIP/201", " Ann "):
        assert agent.is_me(name)
    for name in ("bob", "202", "SIP/202", "", "SIP/"):
        assert not agent.is_me(name)


@pytest.mark.parametrize("name", ["", "  ", "a:b", "a/b", "x" * 81, "a\x00b", "a\nb", "it's", 'a"b', "<b>"])
def test_names_that_no_user_may_have(name: str) -> None:
    with pytest.raises(FieldError):
        read_user_name(name)


def test_words_of_users() -> None:
    assert read_user_name(" José.Pérez@x ") == "José.Pérez@x"
    assert read_campaigns([" A ", "A", "", "*"]) == ("A", "*")
    with pytest.raises(FieldError):
        read_campaigns(["x" * 129])


async def test_passwords_are_argon2id_and_salted() -> None:
    passwords = Passwords()
    one, two = await passwords.hash("Correct-horse-7"), await passwords.hash("Correct-horse-7")
    assert one != two
    parameters = extract_parameters(one)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost) == (Type.ID, 65536, 3)
    assert await passwords.verify(one, "Correct-horse-7")
    assert not await passwords.verify(one, "Correct-horse-8")


async def test_nobodys_password_costs_the_same_as_somebodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer takes exactly one hash, so that its time does not tell whether the user exists."""
    passwords = Passwords(LIGHT)
    stored = await passwords.hash("Correct-horse-7")
    assert not await passwords.verify("", "anything")
    counted: list[str] = []
    real = passwords._matches
    monkeypatch.setattr(passwords, "_matches", lambda *both: (counted.append("hash"), real(*both))[1])
    assert not await passwords.verify("", "Correct-horse-7")
    assert not await passwords.verify(stored, "wrong")
    assert not await passwords.verify("no hash at all", "Correct-horse-7")
    assert counted == ["hash"] * 3


async def test_more_passwords_than_can_be_checked_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_WAITING", 3)
    passwords = Passwords(LIGHT)
    made = await asyncio.gather(*(passwords.hash("x") for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, str) for one in made) == 3
    assert sum(isinstance(one, TooBusyError) for one in made) == 3
