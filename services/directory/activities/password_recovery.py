"""Forgotten passwords: a one-time code to the employee's mobile, which sets another password (E7).

Nobody learns whether a number is known: the answer and the work are the same, and the code is sent after the
answer, or not at all where policy forbids it. If the process dies with an unsent code, people ask again.
"""

import asyncio
import secrets
from typing import Final

from msgspec import structs
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import Language
from contracts.ids import Instant
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from services.directory.activities import audit_trail, chosen_passwords, grants, passwords, rate_limits
from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.database import Database
from services.directory.activities.passwords import Passwords
from services.directory.activities.policed_texts import PolicedTexts
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.stored_cards import in_force, readable
from services.directory.activities.tables import CARDS, CODES
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Kind

CODE_MS: Final = 10 * 60_000
CODE_DIGITS: Final = 6
ASKS_MAX: Final = 3
"""Codes to one number in a quarter of an hour: a text costs money, and wakes people."""
GUESSES_MAX: Final = 5
"""Guesses among a million codes, in the ten minutes for which one is valid."""
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_WINDOWS: Final = (("hour", _HOUR_MS, 20, 100), ("day", _DAY_MS, 60, 300))
"""Windows, and how many codes are asked for in each, from one address and of one organization, and as many
failed guesses: a hundred an hour among a million codes. It takes five addresses to use up an organization's,
and its administrators set passwords all the same."""
WORDS: Final = {
    Language.RUSSIAN: "Код для нового пароля: {code}. Действует 10 минут. Никому его не сообщайте.",
    Language.ENGLISH: "Code for a new password: {code}. Valid for 10 minutes. Do not share it with anyone.",
}


class PasswordRecovery:
    """Sends and accepts codes; without `texts` (no provider of texts) every request is refused."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        hasher: Passwords,
        texts: PolicedTexts | None,
        trail: AuditTrail,
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = hasher
        self._texts = texts
        self._trail = trail
        self._sending: set[asyncio.Task[None]] = set()

    async def ask(self, organization_id: str, mobile: str, address: str) -> None:
        """Send a code, if the number is known. Raises RequestRefused, whether it is known or not."""
        texts = self._needed()
        now_at = self._clock.now()
        async with self._trail.locking_out(organization_id, address), self._database.begin() as connection:
            await _count(connection, "asks", organization_id, address, now_at)
            await rate_limits.count(connection, f"code/{organization_id}/{mobile}", ASKS_MAX, now_at)
            found = await _owner(connection, organization_id, mobile)
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        hash_ = await self._passwords.hash(code)
        details = {"is_sent": found is not None}
        asked = Noted(event=SecurityEvent.RECOVERY_ASKED, actor="", address=address, details=details)
        if found is None:
            await self._trail.note(organization_id, asked)
            return
        agent_id, language, _ = found
        async with self._database.begin() as connection:
            its = structs.replace(asked, subject=f"agent/{agent_id}")
            await audit_trail.note(connection, organization_id, now_at, its)
            await _forget(connection, organization_id, agent_id)
            values = {"organization_id": organization_id, "agent_id": agent_id, "hash": hash_}
            await connection.execute(insert(CODES).values(**values, expires_at=now_at + CODE_MS))
        text = WORDS[language].format(code=code)
        task = asyncio.create_task(texts.send(organization_id, agent_id, mobile, text))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def reset(self, organization_id: str, mobile: str, code: str, new: str, address: str) -> None:
        """Set another password by a code, which is valid once. Raises RequestRefused."""
        self._needed()
        await chosen_passwords.require_uncommon(new, field="new")
        now_at = self._clock.now()
        subject = f"reset/{organization_id}/{mobile}"
        async with self._trail.locking_out(organization_id, address), self._database.begin() as connection:
            await _count(connection, "guesses", organization_id, address, now_at)
            await rate_limits.count(connection, subject, GUESSES_MAX, now_at)
            found = await _owner(connection, organization_id, mobile)
            kept = None if found is None else await _kept(connection, organization_id, found[0], now_at)
        is_right = await self._passwords.is_right(kept, code)
        hash_ = await self._passwords.hash(new)
        if not is_right or found is None:
            guessed = Noted(event=SecurityEvent.RECOVERED, actor="", address=address, outcome="refused")
            if found is not None:
                guessed = structs.replace(guessed, subject=f"agent/{found[0]}")
            await self._trail.note(organization_id, guessed)
            raise RequestRefused(Problem(code=Code.CODE_REFUSED, field="code"))
        agent_id = found[0]
        async with self._database.begin() as connection:
            # Of two requests with one code at once, one deletes the row.
            where = (CODES.c.organization_id == organization_id) & (CODES.c.hash == kept)
            if (await connection.execute(delete(CODES).where(where))).rowcount != 1:
                raise RequestRefused(Problem(code=Code.CODE_REFUSED, field="code"))
            await chosen_passwords.require_not_own(connection, organization_id, agent_id, new, field="new")
            await _take_back(connection, "guesses", organization_id, address)
            await rate_limits.forget(connection, subject)
            tries = rate_limits.Login(organization_id, found[2], address, None)
            await tries.begin_anew(connection)
            done = Noted(event=SecurityEvent.RECOVERED, actor=f"agent/{agent_id}", address=address)
            await audit_trail.note(connection, organization_id, now_at, done)
            await passwords.set_hash(
                connection, organization_id, agent_id, hash_, is_one_time=False, now_at=now_at
            )

    async def settle(self) -> None:
        """Wait for texts that are being sent."""
        await asyncio.gather(*self._sending)

    def _needed(self) -> PolicedTexts:
        if self._texts is None:
            raise RequestRefused(Problem(code=Code.TEXTS_OFF))
        return self._texts


async def _owner(
    connection: AsyncConnection, organization_id: str, mobile: str
) -> tuple[str, Language, str] | None:
    """The owner of a mobile, the language and the login; None where two share the number: it proves neither.

    In a suspended organization nobody is found: nobody signs in there, and no stranger learns of it.
    """
    if not await grants.is_active(connection, organization_id):
        return None
    query = select(CARDS).where(in_force(organization_id, Kind.EMPLOYEE))
    rows = (await connection.execute(query)).all()
    cards = readable(rows)
    known = {row.id for row in cards}
    if any(row.id not in known and mobile in row.document for row in rows):
        # Whose card can't be read may share the number.
        return None
    found = [(row.id, row.card) for row in cards if isinstance(row.card, EmployeeCard)]
    owners = [
        (id_, card.language or Language.RUSSIAN, card.login) for id_, card in found if card.mobile == mobile
    ]
    return owners[0] if len(owners) == 1 else None


async def _count(
    connection: AsyncConnection, what: str, organization_id: str, address: str, now_at: Instant
) -> None:
    """Count one ask, or a guess that counts as failed. Raises TooManyTries, also for unknown numbers."""
    for name, window_ms, address_max, organization_max in _WINDOWS:
        of_address, of_organization = _subjects(what, name, organization_id, address)
        shown = f"recovery/{what} of "
        await rate_limits.count(
            connection, of_address, address_max, now_at, window_ms=window_ms, shown=f"{shown}an address"
        )
        await rate_limits.count(
            connection,
            of_organization,
            organization_max,
            now_at,
            window_ms=window_ms,
            shown=f"{shown}the organization",
            code=Code.RECOVERY_LIMITED,
        )


async def _take_back(connection: AsyncConnection, what: str, organization_id: str, address: str) -> None:
    for name, *_ in _WINDOWS:
        for subject in _subjects(what, name, organization_id, address):
            await rate_limits.take_back(connection, subject)


def _subjects(what: str, window: str, organization_id: str, address: str) -> tuple[str, str]:
    """What is counted: all of an address, whichever organization it names, and all of an organization."""
    network = rate_limits.network_of(address)
    return f"{what}/{window}/address/{network}", f"{what}/{window}/organization/{digest(organization_id)}"


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
