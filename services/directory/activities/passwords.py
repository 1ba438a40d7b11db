"""Passwords of employees: argon2 hashes, made in threads, and sealed phone passwords."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from services.directory.activities import open_logins
from services.directory.activities.sealed_secrets import SecretBox, generated_password
from services.directory.activities.tables import PASSWORDS

PHONE_PASSWORD_LETTERS: Final = 24
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

    async def give(self, connection: AsyncConnection, organization_id: str, agent_id: str, hash_: str) -> str:
        """Save a new employee's one-time password, as its hash; return the phone password."""
        phone_password = generated_password(PHONE_PASSWORD_LETTERS)
        values = {"organization_id": organization_id, "agent_id": agent_id, "hash": hash_}
        sealed = self._secret_box.seal(phone_password)
        await connection.execute(
            insert(PASSWORDS).values(**values, is_one_time=True, sealed_phone_password=sealed)
        )
        return phone_password

    async def replace_phone(self, connection: AsyncConnection, organization_id: str, agent_id: str) -> str:
        """Replace the phone password, and return the new one."""
        phone_password = generated_password(PHONE_PASSWORD_LETTERS)
        sealed = self._secret_box.seal(phone_password)
        where = of(organization_id, agent_id)
        await connection.execute(update(PASSWORDS).where(where).values(sealed_phone_password=sealed))
        return phone_password


def of(organization_id: str, agent_id: str) -> ColumnElement[bool]:
    """Selects one employee's row."""
    return (PASSWORDS.c.organization_id == organization_id) & (PASSWORDS.c.agent_id == agent_id)


async def found(connection: AsyncConnection, organization_id: str, agent_id: str) -> tuple[str, bool] | None:
    """The hash of an employee's password, and whether it is one-time; None without a row."""
    query = select(PASSWORDS.c.hash, PASSWORDS.c.is_one_time).where(of(organization_id, agent_id))
    row = (await connection.execute(query)).first()
    return None if row is None else (row.hash, row.is_one_time)


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
    values = {"hash": hash_, "is_one_time": is_one_time}
    await connection.execute(update(PASSWORDS).where(of(organization_id, agent_id)).values(**values))
    await open_logins.end_all(connection, organization_id, agent_id, now_at)


async def take(connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant) -> None:
    """Delete a removed employee's secrets, and end every login."""
    await connection.execute(delete(PASSWORDS).where(of(organization_id, agent_id)))
    await open_logins.end_all(connection, organization_id, agent_id, now_at)
