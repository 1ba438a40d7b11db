"""Codes of a second factor as the database keeps them: each is accepted once, whoever else asks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pyotp
import pytest
from sqlalchemy import select

from contracts.ids import Instant
from services.directory.activities import second_factor
from services.directory.activities.database import Database, engine
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.activities.second_factor import STEP_S, Given, SecondFactors
from services.directory.activities.tables import RECOVERY_CODES, SECOND_FACTORS
from tests.integration.directory.companies import KEY, NOW

WHO = ("vostok", "orlov-p")
AT_ONCE = 8


class Replica:
    """One process of the directory, as far as codes go: connections of its own, the same database."""

    def __init__(self, url: str) -> None:
        self.database = Database(engine(url))
        self.factors = SecondFactors(SecretBox(KEY))

    async def begun(self) -> str:
        """A secret that no code has confirmed."""
        async with self.database.begin() as connection:
            return await self.factors.begin(connection, *WHO)

    async def confirmed(self, secret: str, now_at: Instant = NOW) -> tuple[str, ...] | None:
        """The recovery codes, once the secret's code confirms it."""
        async with self.database.begin() as connection:
            return await self.factors.confirm(connection, *WHO, code(secret, now_at), now_at)

    async def spent(self, text: str, now_at: Instant = NOW) -> Given | None:
        """What a code is accepted as."""
        async with self.database.begin() as connection:
            return await self.factors.spend(connection, *WHO, text, now_at)


def code(secret: str, at: Instant) -> str:
    """What the authenticator app shows."""
    return pyotp.TOTP(secret).at(at // 1000)


def later(steps: int) -> Instant:
    """So many time steps after the confirmation."""
    return Instant(NOW + steps * STEP_S * 1000)


@pytest.fixture
async def replicas(database: str) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two processes on one database."""
    made = Replica(database), Replica(database)
    await made[0].database.upgrade()
    yield made
    for each in made:
        await each.database.close()


async def won(ask: Callable[[Replica], Awaitable[Given | None]], replicas: tuple[Replica, Replica]) -> int:
    """How many of many requests at once, at both replicas, were accepted."""
    answers = await asyncio.gather(*(ask(replicas[number % 2]) for number in range(AT_ONCE)))
    return sum(answer is not None for answer in answers)


async def test_a_code_is_accepted_once_by_whichever_replica_is_first(
    replicas: tuple[Replica, Replica],
) -> None:
    """Whoever looks over a shoulder types the same code within its half minute."""
    secret = await replicas[0].begun()
    assert await replicas[0].confirmed(secret) is not None
    shown = code(secret, later(1))
    assert await won(lambda replica: replica.spent(shown, later(1)), replicas) == 1
    assert await replicas[1].spent(shown, later(1)) is None
    assert await replicas[1].spent(code(secret, later(2)), later(2)) is Given.CODE


async def test_the_code_that_confirms_opens_nothing(replicas: tuple[Replica, Replica]) -> None:
    """It was used, like any other."""
    secret = await replicas[0].begun()
    assert await replicas[0].confirmed(secret) is not None
    assert await replicas[0].spent(code(secret, NOW)) is None
    assert await replicas[0].spent(code(secret, later(-1))) is None


async def test_a_recovery_code_is_accepted_once_however_it_is_typed(
    replicas: tuple[Replica, Replica],
) -> None:
    """Ten of them stand on paper; each is a key of its own."""
    secret = await replicas[0].begun()
    codes = await replicas[0].confirmed(secret)
    assert codes is not None
    assert len(set(codes)) == second_factor.RECOVERY_CODES_MADE
    assert await won(lambda replica: replica.spent(codes[0]), replicas) == 1
    assert await replicas[0].spent(codes[0]) is None
    assert await replicas[0].spent(f" {codes[1].upper().replace('-', ' ')}") is Given.RECOVERY_CODE
    async with replicas[0].database.begin() as connection:
        assert await second_factor.recovery_codes_left(connection, *WHO) == len(codes) - 2
        renewed = await second_factor.renew_recovery_codes(connection, *WHO)
    assert await replicas[0].spent(codes[2]) is None
    assert await replicas[0].spent(renewed[0]) is Given.RECOVERY_CODE


@pytest.mark.parametrize(("steps", "is_accepted"), [(1, False), (2, True), (3, True), (4, True), (5, False)])
async def test_a_clock_may_be_wrong_by_one_step(
    replicas: tuple[Replica, Replica], steps: int, is_accepted: bool
) -> None:
    """Phones without a network drift; a code of a minute ago was seen by anybody meanwhile."""
    secret = await replicas[0].begun()
    assert await replicas[0].confirmed(secret) is not None
    given = await replicas[0].spent(code(secret, later(steps)), later(3))
    assert (given is Given.CODE) == is_accepted


async def test_a_secret_holds_until_a_code_confirms_the_next_one(replicas: tuple[Replica, Replica]) -> None:
    """Whoever gets another phone and closes the window is not locked out, and keeps the recovery codes."""
    first = await replicas[0].begun()
    codes = await replicas[0].confirmed(first)
    assert codes is not None
    second = await replicas[0].begun()
    assert await replicas[0].spent(code(second, later(1)), later(1)) is None
    assert await replicas[0].confirmed(first, later(1)) is None
    assert await replicas[0].spent(code(first, later(2)), later(2)) is Given.CODE
    assert await replicas[0].confirmed(second, later(3)) is not None
    assert await replicas[0].spent(code(first, later(4)), later(4)) is None
    assert await replicas[0].spent(codes[0]) is None
    assert await replicas[0].spent(code(second, later(4)), later(4)) is Given.CODE


async def test_neither_a_secret_nor_a_recovery_code_lies_in_the_database(
    replicas: tuple[Replica, Replica],
) -> None:
    """A stolen copy of the database opens nothing."""
    secret = await replicas[0].begun()
    codes = await replicas[0].confirmed(secret)
    assert codes is not None
    async with replicas[0].database.begin() as connection:
        kept = str((await connection.execute(select(SECOND_FACTORS))).all())
        kept += str((await connection.execute(select(RECOVERY_CODES))).all())
    assert secret not in kept
    assert not any(each in kept or each.replace("-", "") in kept for each in codes)


async def test_nothing_is_left_of_a_second_factor_that_is_taken(replicas: tuple[Replica, Replica]) -> None:
    """A removed employee leaves no secret behind."""
    secret = await replicas[0].begun()
    codes = await replicas[0].confirmed(secret)
    assert codes is not None
    async with replicas[0].database.begin() as connection:
        assert await second_factor.take(connection, *WHO)
        assert not await second_factor.take(connection, *WHO)
        assert not await second_factor.is_active(connection, *WHO)
    assert await replicas[0].spent(codes[0]) is None
    assert await replicas[0].spent(code(secret, later(1)), later(1)) is None
