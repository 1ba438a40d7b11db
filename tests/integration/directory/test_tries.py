"""Guessing passwords is slow, and nobody's guesses keep out who has signed in before (several replicas)."""

import asyncio
from typing import Any, cast

import httpx
from sqlalchemy import func, select

from services.directory.activities import devices, rate_limits
from services.directory.activities.devices import DEVICE_MS, DEVICES_MAX
from services.directory.activities.rate_limits import (
    ADDRESS_TRIES_MAX,
    BACK_OFF_KEPT_MS,
    LOGIN_FAILURES_MAX,
    LOGIN_WINDOW_MS,
    back_off_ms,
    network_of,
)
from services.directory.activities.tables import AUDIT, DEVICES, TRIES
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company

HOME = "192.0.2.1"


async def _answer(
    company: Company,
    password: str,
    *,
    login: str = "gusev.r",
    address: str = HOME,
    device: str = "",
) -> httpx.Response:
    asgi = httpx.ASGITransport(app=cast("Any", company.directory.api), client=(address, 1))
    body = {"organization": ORGANIZATION, "login": login, "password": password, "device": device}
    async with httpx.AsyncClient(transport=asgi, base_url="http://book") as client:
        return await client.post("/sessions", json=body)


async def _status(company: Company, password: str, **more: str) -> int:
    return (await _answer(company, password, **more)).status_code


async def _locked_by_strangers(company: Company, login: str = "gusev.r") -> None:
    """Many addresses guess until the login's ceiling, each within its free tries."""
    for number in range(LOGIN_FAILURES_MAX // 3):
        address = f"198.51.100.{number}"
        assert [await _status(company, "wrong", login=login, address=address) for _ in range(3)] == [401] * 3


async def test_a_few_typing_errors_cost_no_wait_and_then_each_costs_twice_as_much(company: Company) -> None:
    """Whoever guesses is slowed down, and is told how long to wait."""
    assert [await _status(company, "wrong") for _ in range(3)] == [401] * 3
    for seconds in (1, 2, 4, 8):
        refused = await _answer(company, PASSWORD)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_tries")
        assert refused.headers["retry-after"] == str(seconds)
        company.clock.advance(seconds)
        assert await _status(company, "wrong") == 401
    company.clock.advance(16)
    assert await _status(company, PASSWORD) == 201
    assert await _status(company, "wrong") == 401
    assert await _status(company, PASSWORD) == 201


def test_a_back_off_grows_to_a_quarter_of_an_hour_and_no_further() -> None:
    """A forgotten browser that tries for days is answered again within that time."""
    assert [back_off_ms(failed) for failed in (0, 2, 3, 4, 12)] == [0, 0, 1_000, 2_000, 512_000]
    assert back_off_ms(13) == back_off_ms(10_000) == 900_000


async def test_a_refused_try_makes_no_wait_longer(company: Company) -> None:
    """Whoever presses the button all the time gets in as soon as the others."""
    for _ in range(3):
        await _status(company, "wrong")
    assert [await _status(company, PASSWORD) for _ in range(5)] == [429] * 5
    company.clock.advance(1)
    assert await _status(company, PASSWORD) == 201


async def test_right_passwords_use_nothing_up(quick_company: Company) -> None:
    """A whole office signs in behind one address in the morning."""
    statuses = {await _status(quick_company, PASSWORD) for _ in range(ADDRESS_TRIES_MAX + 5)}
    assert statuses == {201}


async def test_an_address_that_tries_many_logins_waits_too(quick_company: Company) -> None:
    """Trying one password on every login is guessing, too; other addresses go on."""
    tries = [
        await _status(quick_company, "wrong", login=f"login-{number}") for number in range(ADDRESS_TRIES_MAX)
    ]
    assert set(tries) == {401}
    assert await _status(quick_company, "wrong", login="another") == 429
    assert await _status(quick_company, PASSWORD) == 429
    assert await _status(quick_company, PASSWORD, address="192.0.2.2") == 201


async def test_all_addresses_of_an_ipv6_network_are_one_asker(quick_company: Company) -> None:
    """A home has as many as it likes; a neighbour's network is another."""
    tries = [
        await _status(quick_company, "wrong", login=f"login-{n}", address=f"2001:db8:0:1::{n:x}")
        for n in range(ADDRESS_TRIES_MAX)
    ]
    assert set(tries) == {401}
    assert await _status(quick_company, "wrong", login="another", address="2001:db8:0:1:ffff::1") == 429
    assert await _status(quick_company, "wrong", login="another", address="2001:db8:0:2::1") == 401
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"


async def test_guesses_from_many_addresses_end_at_a_ceiling_that_known_devices_do_not_have(
    company: Company,
) -> None:
    """Nobody locks out an employee from the own laptop; only a new device waits."""
    device = (await _answer(company, PASSWORD)).json()["device"]
    await _locked_by_strangers(company)
    assert await _status(company, PASSWORD, address="203.0.113.1") == 429
    assert await _status(company, PASSWORD, address="203.0.113.1", device="made-up") == 429
    known = await _answer(company, PASSWORD, address="203.0.113.1", device=device)
    assert (known.status_code, known.json()["device"]) == (201, device)
    company.clock.advance(LOGIN_WINDOW_MS // 1000)
    assert await _status(company, PASSWORD, address="203.0.113.1") == 201


async def test_an_unknown_login_is_limited_as_a_known_one_is(company: Company) -> None:
    """No ceiling tells which logins exist, also to somebody with a device of an own."""
    device = (await _answer(company, PASSWORD)).json()["device"]
    await _locked_by_strangers(company, "nobody")
    refused = await _answer(company, "wrong", login="nobody", device=device)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_tries")


async def test_a_known_device_backs_off_for_itself_alone(company: Company) -> None:
    """A stolen laptop guesses no faster, and keeps nobody else waiting."""
    device = (await _answer(company, PASSWORD)).json()["device"]
    assert [await _status(company, "wrong", device=device) for _ in range(4)] == [401, 401, 401, 429]
    assert await _status(company, PASSWORD, device=device) == 429
    assert await _status(company, PASSWORD) == 201


async def test_a_device_of_a_colleague_is_none_of_ones_own(company: Company) -> None:
    """It must not open a way around the ceiling of somebody else's login."""
    await company.employee("Орлов Пётр")
    colleagues = (await _answer(company, PASSWORD, login="orlov.p")).json()["device"]
    await _locked_by_strangers(company)
    assert await _status(company, PASSWORD, address="203.0.113.1", device=colleagues) == 429


async def test_no_more_tries_pass_at_once_at_several_replicas_than_one_after_the_other(
    company: Company, tables: str
) -> None:
    """A burst is no way around the back-off, nor around the ceiling of an address."""
    another = Company(tables)
    another.directory.background.is_up = True
    both = [company, another]
    burst = await asyncio.gather(*(_status(both[n % 2], "wrong") for n in range(12)))
    assert sorted(burst) == [401] * 3 + [429] * 9
    for n in range(ADDRESS_TRIES_MAX - 13):
        await _count_failure(company, f"login-{n}")
    last = await asyncio.gather(
        *(_status(both[n % 2], "wrong", login=f"last-{n}", address=HOME) for n in range(16))
    )
    assert sorted(last) == [401] * 10 + [429] * 6
    await another.close()


async def _count_failure(company: Company, login: str) -> None:
    async with company.directory.database.begin() as connection:
        tries = rate_limits.Login(ORGANIZATION, login, HOME, None)
        await tries.count(connection, company.clock.now())


async def test_a_try_that_is_refused_names_no_login_that_was_typed(company: Company) -> None:
    """People type passwords where the login belongs: neither table nor trail keeps them."""
    for _ in range(4):
        await _status(company, "wrong", login="my-secret-word")
    async with company.directory.database.begin() as connection:
        subjects = [str(each) for each in (await connection.execute(select(TRIES.c.subject))).scalars()]
        trail = [str(tuple(row)) for row in (await connection.execute(select(AUDIT))).all()]
    assert any("session.locked_out" in line for line in trail)
    assert not any("my-secret-word" in each for each in subjects + trail)


async def test_devices_are_few_and_are_forgotten(quick_company: Company) -> None:
    """Each one adds guesses: an employee has the newest twenty, and none that nobody used for half a year."""
    first = (await _answer(quick_company, PASSWORD)).json()["device"]
    for _ in range(DEVICES_MAX):
        quick_company.clock.advance(1)
        newest = (await _answer(quick_company, PASSWORD)).json()["device"]
    now_at = quick_company.clock.now()
    async with quick_company.directory.database.begin() as connection:
        ids = [
            await devices.known(connection, ORGANIZATION, "gusev-r", each, now_at) for each in (first, newest)
        ]
        stored = list((await connection.execute(select(DEVICES.c.device_id))).scalars())
    assert ids == [None, devices.id_of(newest)]
    assert len(stored) == DEVICES_MAX
    assert newest not in stored
    quick_company.clock.advance(DEVICE_MS // 1000)
    async with quick_company.directory.database.begin() as connection:
        known = await devices.known(connection, ORGANIZATION, "gusev-r", newest, quick_company.clock.now())
    assert known is None


async def test_maintenance_deletes_tries_and_devices_that_have_ended(quick_company: Company) -> None:
    """Whatever strangers try, the tables do not grow for ever."""
    await _status(quick_company, "wrong")
    quick_company.clock.advance(max(BACK_OFF_KEPT_MS, DEVICE_MS) // 1000)
    await quick_company.directory.maintenance.round()
    async with quick_company.directory.database.begin() as connection:
        for table in (TRIES, DEVICES):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == 0
