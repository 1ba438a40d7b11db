"""Passwords of employees: argon2 hashes, made in threads, and sealed phone passwords."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from services.directory.activities import devices, open_logins
from services.directory.activities.sealed_secrets import SecretBox, generated_password
from services.directory.activities.tables import PASSWORDS

PHONE_PASSWORD_LETTERS: Final = 24
ONE_TIME_MS: Final = 72 * 3_600_000
"""How long a one-time password is valid: over a weekend, and not for whoever finds the letter in a year."""
NEVER_RIGHT: Final = ""
"""In place of a hash: no password matches, and checking takes as long as with a hash."""


class Passwords:
    """Hashes and checks; the time that a check takes does not tell whether a login exists."""

    def __init__(
        self, secret_box: SecretBox, hashes_at_once_max: int, hasher: PasswordHasher | None = None
    ) -> None:
        self._secret_box = secret_box
        self._hasher = hasher or PasswordHasher()
        self._room = asyncio.Semaphore(hashes_at_once_max)
        # An unknown login is checked against this hash: the same work as for a known one.
        self._nobodys = self._hasher.hash(generated_password())

    async def hash(self, password: str) -> str:
        """An argon2id hash."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def is_right(self, hash_: str | None, password: str) -> bool:
        """Whether a password matches a hash; None takes as long and never matches."""
        async with self._room:
            found = await asyncio.to_thread(self._verified, hash_ or self._nobodys, password)
        return found and hash_ is not None

    def _verified(self, hash_: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash_, password)
        except (VerificationError, InvalidHashError):
            return False

    async def give(
        self,
        connection: AsyncConnection,
        organization_id: str,
        agent_id: str,
        hash_: str,
        *,
        now_at: Instant,
    ) -> str:
        """Save a new employee's one-time password, as its hash; return the phone password."""
        phone_password = generated_password(PHONE_PASSWORD_LETTERS)
        values = {"organization_id": organization_id, "agent_id": agent_id, "hash": hash_}
        sealed = self._secret_box.seal(phone_password)
        await connection.execute(
            insert(PASSWORDS).values(
                **values, is_one_time=True, expires_at=now_at + ONE_TIME_MS, sealed_phone_password=sealed
            )
        )
        return phone_password

    async def replace_phone(self, connection: AsyncConnection, organization_id: str, agent_id: str) -> str:
        """Replace the phone password, and return the new one."""
        phone_password = generated_password(PHONE_PASSWORD_LETTERS)
        sealed = self._secret_box.seal(phone_password)
        where = of(organization_id, agent_id)
        await connection.execute(update(PASSWORDS).where(where).values(sealed_phone_password=sealed))
        return phone_password

    async def phone_password(
        self, connection: AsyncConnection, organization_id: str, agent_id: str
    ) -> str | None:
        """An employee's phone password; None without a row.

        Raises joserfc's errors when another key sealed it.
        """
        query = select(PASSWORDS.c.sealed_phone_password).where(of(organization_id, agent_id))
        sealed = (await connection.execute(query)).scalar()
        return None if sealed is None else self._secret_box.open(sealed)

    async def phone_passwords(self, connection: AsyncConnection, organization_id: str) -> dict[str, str]:
        """Every phone password of an organization by employee, for the files that its PBX reads.

        Raises joserfc's errors when another key sealed them.
        """
        query = select(PASSWORDS.c.agent_id, PASSWORDS.c.sealed_phone_password)
        rows = (await connection.execute(query.where(PASSWORDS.c.organization_id == organization_id))).all()
        return {row.agent_id: self._secret_box.open(row.sealed_phone_password) for row in rows}


def of(organization_id: str, agent_id: str) -> ColumnElement[bool]:
    """Selects one employee's row."""
    return (PASSWORDS.c.organization_id == organization_id) & (PASSWORDS.c.agent_id == agent_id)


async def found(connection: AsyncConnection, organization_id: str, agent_id: str) -> tuple[str, bool] | None:
    """The hash of an employee's password, and whether it is one-time; None without a row."""
    query = select(PASSWORDS.c.hash, PASSWORDS.c.is_one_time).where(of(organization_id, agent_id))
    row = (await connection.execute(query)).first()
    return None if row is None else (row.hash, row.is_one_time)


async def is_expired(
    connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant
) -> bool:
    """Whether an employee's password is a one-time one that is not valid any more."""
    query = select(PASSWORDS.c.expires_at).where(of(organization_id, agent_id), PASSWORDS.c.is_one_time)
    expires_at = (await connection.execute(query)).scalar()
    return expires_at is not None and bool(expires_at <= now_at)


async def set_hash(
    connection: AsyncConnection,
    organization_id: str,
    agent_id: str,
    hash_: str,
    *,
    is_one_time: bool,
    now_at: Instant,
) -> None:
    """Set another password; every login of the employee ends."""
    expires_at = now_at + ONE_TIME_MS if is_one_time else None
    values = {"hash": hash_, "is_one_time": is_one_time, "expires_at": expires_at}
    await connection.execute(update(PASSWORDS).where(of(organization_id, agent_id)).values(**values))
    await open_logins.end_all(connection, organization_id, agent_id, now_at)


async def take(connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant) -> None:
    """Delete a removed employee's secrets, and end every login."""
    await connection.execute(delete(PASSWORDS).where(of(organization_id, agent_id)))
    await open_logins.end_all(connection, organization_id, agent_id, now_at)
    await devices.forget(connection, organization_id, agent_id)
