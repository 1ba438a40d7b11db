"""Passwords of people: argon2 in threads, one-time ones, and a phone password that can be replaced."""

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
"""In place of a hash: no password is right, and to find that out takes as long as with one."""


class Passwords:
    """Hashes and checks; nobody learns from the time an answer takes whether a login exists."""

    def __init__(
        self, secret_box: SecretBox, hashes_at_once_max: int, hasher: PasswordHasher | None = None
    ) -> None:
        self._secret_box = secret_box
        self._hasher = hasher or PasswordHasher()
        self._room = asyncio.Semaphore(hashes_at_once_max)
        # Somebody unknown is checked against this one: the same work as for somebody known.
        self._nobodys = self._hasher.hash(generated_password())

    async def hash(self, password: str) -> str:
        """An argon2id hash."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def is_right(self, hash_: str | None, password: str) -> bool:
        """Whether a password belongs to a hash; None takes as long and never does."""
        async with self._room:
            found = await asyncio.to_thread(self._verified, hash_ or self._nobodys, password)
        return found and hash_ is not None

    def _verified(self, hash_: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash_, password)
        except (VerificationError, InvalidHashError):
            return False

    async def give(self, connection: AsyncConnection, organization_id: str, agent_id: str, hash_: str) -> str:
        """A new employee's secrets: the hash of a one-time password; returns the phone password."""
        phone_password = generated_password(PHONE_PASSWORD_LETTERS)
        values = {"organization_id": organization_id, "agent_id": agent_id, "hash": hash_}
        sealed = self._secret_box.seal(phone_password)
        await connection.execute(
            insert(PASSWORDS).values(**values, is_one_time=True, sealed_phone_password=sealed)
        )
        return phone_password

    async def replace_phone(self, connection: AsyncConnection, organization_id: str, agent_id: str) -> str:
        """A new phone password; the old one is good no longer."""
        phone_password = generated_password(PHONE_PASSWORD_LETTERS)
        sealed = self._secret_box.seal(phone_password)
        where = of(organization_id, agent_id)
        await connection.execute(update(PASSWORDS).where(where).values(sealed_phone_password=sealed))
        return phone_password


def of(organization_id: str, agent_id: str) -> ColumnElement[bool]:
    """The row of one employee's secrets."""
    return (PASSWORDS.c.organization_id == organization_id) & (PASSWORDS.c.agent_id == agent_id)


async def found(connection: AsyncConnection, organization_id: str, agent_id: str) -> tuple[str, bool] | None:
    """The hash of an employee's password, and whether it is one-time; None where there is none."""
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
    """Another password; every login of the old one ends."""
    values = {"hash": hash_, "is_one_time": is_one_time}
    await connection.execute(update(PASSWORDS).where(of(organization_id, agent_id)).values(**values))
    await open_logins.end_all(connection, organization_id, agent_id, now_at)


async def take(connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant) -> None:
    """A removed employee has no secrets, and no login goes on."""
    await connection.execute(delete(PASSWORDS).where(of(organization_id, agent_id)))
    await open_logins.end_all(connection, organization_id, agent_id, now_at)
