"""Forgotten passwords: a one-time code to the employee's mobile, which sets another password (E7).

Nobody learns whether a number is known: the answer and the work are the same, and the code is sent after the
answer. If the process dies with an unsent code, the employee asks for another one.
"""

import asyncio
import secrets
from typing import Final

import structlog
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import Language
from contracts.ids import Instant
from runtime.ports import Clock
from services.directory.activities import passwords, rate_limits
from services.directory.activities.database import Database
from services.directory.activities.passwords import Passwords
from services.directory.activities.tables import CARDS, CODES
from services.directory.activities.text_messages import NotSent, SendText
from services.directory.activities.unit_of_work import in_force, stored_card
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Kind

CODE_MS: Final = 10 * 60_000
CODE_DIGITS: Final = 6
ASKS_MAX: Final = 3
"""Codes to one number in a quarter of an hour: a text costs money, and wakes people."""
GUESSES_MAX: Final = 5
"""Guesses among a million codes, in the ten minutes for which one is valid."""
WORDS: Final = {
    Language.RUSSIAN: "Код для нового пароля: {code}. Действует 10 минут. Никому его не сообщайте.",
    Language.ENGLISH: "Code for a new password: {code}. Valid for 10 minutes. Do not share it with anyone.",
}

_log = structlog.get_logger()


class PasswordRecovery:
    """Sends and accepts codes; without `send` (no provider of texts) every request is refused."""

    def __init__(self, database: Database, clock: Clock, hasher: Passwords, send: SendText | None) -> None:
        self._database = database
        self._clock = clock
        self._passwords = hasher
        self._send = send
        self._sending: set[asyncio.Task[None]] = set()

    async def ask(self, organization_id: str, mobile: str, address: str) -> None:
        """Send a code, if the number is known. Raises RequestRefused, whether it is known or not."""
        send = self._needed()
        now_at = self._clock.now()
        async with self._database.begin() as connection:
            await rate_limits.count(connection, f"address/{address}", rate_limits.ADDRESS_TRIES_MAX, now_at)
            await rate_limits.count(connection, f"code/{organization_id}/{mobile}", ASKS_MAX, now_at)
            found = await _owner(connection, organization_id, mobile)
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        hash_ = await self._passwords.hash(code)
        if found is None:
            return
        agent_id, language = found
        async with self._database.begin() as connection:
            await _forget(connection, organization_id, agent_id)
            values = {"organization_id": organization_id, "agent_id": agent_id, "hash": hash_}
            await connection.execute(insert(CODES).values(**values, expires_at=now_at + CODE_MS))
        task = asyncio.create_task(_sent(send, mobile, WORDS[language].format(code=code)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def reset(self, organization_id: str, mobile: str, code: str, new: str, address: str) -> None:
        """Set another password by a code, which is valid once. Raises RequestRefused."""
        self._needed()
        now_at = self._clock.now()
        subject = f"reset/{organization_id}/{mobile}"
        async with self._database.begin() as connection:
            await rate_limits.count(connection, f"address/{address}", rate_limits.ADDRESS_TRIES_MAX, now_at)
            await rate_limits.count(connection, subject, GUESSES_MAX, now_at)
            found = await _owner(connection, organization_id, mobile)
            kept = None if found is None else await _kept(connection, organization_id, found[0], now_at)
        is_right = await self._passwords.is_right(kept, code)
        hash_ = await self._passwords.hash(new)
        if not is_right or found is None:
            raise RequestRefused(Problem(code=Code.CODE_REFUSED, field="code"))
        agent_id = found[0]
        async with self._database.begin() as connection:
            # Of two requests with one code at once, one deletes the row.
            where = (CODES.c.organization_id == organization_id) & (CODES.c.hash == kept)
            if (await connection.execute(delete(CODES).where(where))).rowcount != 1:
                raise RequestRefused(Problem(code=Code.CODE_REFUSED, field="code"))
            await rate_limits.forget(connection, subject)
            await passwords.set_hash(
                connection, organization_id, agent_id, hash_, is_one_time=False, now_at=now_at
            )

    async def settle(self) -> None:
        """Wait for texts that are being sent."""
        await asyncio.gather(*self._sending)

    def _needed(self) -> SendText:
        if self._send is None:
            raise RequestRefused(Problem(code=Code.TEXTS_OFF))
        return self._send


async def _sent(send: SendText, mobile: str, text: str) -> None:
    try:
        await send(mobile, text)
    except NotSent as error:
        _log.warning("a code was not sent", error=str(error))


async def _owner(
    connection: AsyncConnection, organization_id: str, mobile: str
) -> tuple[str, Language] | None:
    """The owner of a mobile, and the language; None where two share the number, since it proves neither."""
    query = select(CARDS).where(in_force(organization_id, Kind.EMPLOYEE))
    rows = [stored_card(row) for row in (await connection.execute(query)).all()]
    found = [(row.id, row.card) for row in rows if isinstance(row.card, EmployeeCard)]
    owners = [(id_, card.language or Language.RUSSIAN) for id_, card in found if card.mobile == mobile]
    return owners[0] if len(owners) == 1 else None


async def _kept(
    connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant
) -> str | None:
    query = select(CODES.c.hash).where(
        CODES.c.organization_id == organization_id,
        CODES.c.agent_id == agent_id,
        CODES.c.expires_at > now_at,
    )
    found = (await connection.execute(query)).scalar()
    return None if found is None else str(found)


async def _forget(connection: AsyncConnection, organization_id: str, agent_id: str) -> None:
    where = (CODES.c.organization_id == organization_id) & (CODES.c.agent_id == agent_id)
    await connection.execute(delete(CODES).where(where))


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete expired codes."""
    await connection.execute(delete(CODES).where(CODES.c.expires_at <= now_at))
