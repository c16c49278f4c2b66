"""Idempotency-Key: a request that is sent twice has one effect, whatever comes in between."""

from __future__ import annotations

import asyncio

import pytest

from engine.adapters.mysql import steering
from engine.domain.access import Role
from engine.ports import StoreError
from engine.ports.live import EngineSilentError
from tests.api_rig import ApiRig, Said
from tests.integration.test_v1_resources import AT, V1, A, fields, first_campaign


@pytest.fixture
async def boss(api: ApiRig) -> str:
    return await first_campaign(api)


async def order(api: ApiRig, token: str, word: str, number: str = "2125550001") -> Said:
    wish = {"campaign": A, "agent": "101", "number": number}
    return await api.ask("POST", f"{V1}/calls", token, json=wish, headers={"Idempotency-Key": word})


def ordered(api: ApiRig) -> str:
    return api.value("SELECT COUNT(*) FROM ccdata.orders")


async def test_the_same_request_gets_the_same_answer(api: ApiRig, boss: str) -> None:
    first = await order(api, boss, "k1")
    again = await order(api, boss, "k1")
    assert (first.status, again.status, ordered(api)) == (202, 202, "1")
    assert again.text == first.text
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    await order(api, boss, "k2")
    assert ordered(api) == "2"


async def test_another_request_with_the_same_key_is_refused(api: ApiRig, boss: str) -> None:
    await order(api, boss, "k1")
    other = await order(api, boss, "k1", "2125550002")
    assert (other.status, fields(other), ordered(api)) == (422, ["Idempotency-Key"], "1")
    elsewhere = await api.ask("POST", f"{AT}/start", boss, headers={"Idempotency-Key": "k1"})
    assert elsewhere.status == 422
    assert api.value("SELECT status FROM ccdata.dialers") == "0"


async def test_keys_are_each_users_own(api: ApiRig, boss: str) -> None:
    other = await api.user("other", Role.SUPERVISOR)
    await order(api, boss, "k1")
    assert (await order(api, other, "k1", "2125550002")).status == 202
    assert ordered(api) == "2"


async def test_of_many_at_once_one_has_an_effect(api: ApiRig, boss: str) -> None:
    said = await asyncio.gather(*(order(api, boss, "k1") for _ in range(20)))
    assert ordered(api) == "1"
    assert {one.status for one in said} <= {202, 409}
    assert len({one.text for one in said if one.status == 202}) == 1
    assert all(one.headers["Retry-After"] == "1" for one in said if one.status == 409)


async def test_a_refused_request_gives_its_key_back(api: ApiRig, boss: str) -> None:
    assert (await order(api, boss, "k1", "nobody")).status == 422
    assert (await order(api, boss, "k1")).status == 202
    assert ordered(api) == "1"


async def test_when_the_database_fails_on_the_way_nothing_is_done_again(
    api: ApiRig, boss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise StoreError("lost on the way")

    monkeypatch.setattr(steering, "switch", fails)
    first = await api.ask("POST", f"{AT}/stop", boss, headers={"Idempotency-Key": "k1"})
    assert first.status == 503
    monkeypatch.undo()
    again = await api.ask("POST", f"{AT}/stop", boss, headers={"Idempotency-Key": "k1"})
    assert again.status == 409
    assert "look whether it had an effect" in again.json()["detail"]


async def test_a_request_that_the_engine_did_not_answer_may_be_sent_again(
    api: ApiRig, boss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = await api.user("clerk", Role.SUPERVISOR, campaigns=[A])

    async def silent() -> None:
        raise EngineSilentError

    monkeypatch.setattr(api.live, "queues", silent)
    first = await order(api, clerk, "k1")
    assert (first.status, first.headers["Retry-After"]) == (503, "2")
    monkeypatch.undo()
    again = await order(api, clerk, "k1")
    assert (again.status, ordered(api)) == (403, "0"), "101 sits nowhere: judged, not kept from being judged"


async def test_after_a_fault_of_ours_nothing_is_done_again(
    api: ApiRig, boss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(steering, "switch", breaks)
    key = {"Idempotency-Key": "k1"}
    assert (await api.ask("POST", f"{AT}/stop", boss, headers=key)).status == 500
    monkeypatch.undo()
    again = await api.ask("POST", f"{AT}/stop", boss, headers=key)
    assert (again.status, "Retry-After" in again.headers) == (409, False)


async def test_a_key_is_forgotten_after_a_day(api: ApiRig, boss: str) -> None:
    await order(api, boss, "k1")
    api.sql("UPDATE ccdata.idempotency_keys SET created_at = created_at - INTERVAL 25 HOUR")
    assert (await order(api, boss, "k1", "2125550002")).status == 202
    assert ordered(api) == "2"
    assert api.value("SELECT COUNT(*) FROM ccdata.idempotency_keys") == "1"


async def test_a_request_that_died_with_its_engine_is_not_done_again(api: ApiRig, boss: str) -> None:
    await order(api, boss, "k1")
    api.sql("UPDATE ccdata.idempotency_keys SET status=0")
    assert (await order(api, boss, "k1")).headers["Retry-After"] == "1"
    api.sql("UPDATE ccdata.idempotency_keys SET created_at = created_at - INTERVAL 10 MINUTE")
    cut_off = await order(api, boss, "k1")
    assert (cut_off.status, ordered(api)) == (409, "1")
    assert "look whether it had an effect" in cut_off.json()["detail"]


@pytest.mark.parametrize("word", ["a b", "x" * 256])
async def test_a_key_that_is_none_is_refused(api: ApiRig, boss: str, word: str) -> None:
    said = await order(api, boss, word)
    assert (said.status, fields(said)) == (422, ["Idempotency-Key"])


async def test_a_file_of_the_same_length_is_another_request(api: ApiRig, boss: str) -> None:
    key = {"Idempotency-Key": "file"}

    async def sent(content: str) -> Said:
        return await api.ask("POST", f"{AT}/uploads?list=MAY", boss, data=content, headers=key)

    first = await sent(f"{A};2125550001;;;9\n")
    assert first.status == 202, first
    again = await sent(f"{A};2125550001;;;9\n")
    assert (again.status, again.text) == (202, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await sent(f"{A};2125550002;;;9\n")).status == 422
    large = "".join(f"{A};21255{number:05};;;9\n" for number in range(20_000))
    key["Idempotency-Key"] = "large"
    assert [(await sent(large)).status, (await sent(large)).status] == [202, 202]
    assert api.value("SELECT COUNT(*) FROM ccdata.uploads") == "2"
