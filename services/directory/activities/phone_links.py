"""One-time links that show a phone password, which a letter would keep for ever (E3).

A link is a random token of 128 bits, and only its digest is kept. It ends when it has shown the password,
after three days, when the password is replaced, and when its owner is removed or gets another address.
"""

from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import Language
from contracts.ids import Instant
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from services.directory.activities import audit_trail, grants, rate_limits
from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.database import Database
from services.directory.activities.passwords import Passwords
from services.directory.activities.sealed_secrets import digest, token
from services.directory.activities.tables import PHONE_LINKS
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules.errors import Code, Problem, RequestRefused

LINK_MS: Final = 72 * 3_600_000
"""From the day on which the letter is ordered: over a weekend."""
MISSES_MAX: Final = 30
"""Unknown links from one address in a quarter of an hour; nobody guesses one, and each costs two queries."""


class LinkUnknown(RequestRefused):
    """No link has this token: it was used, it is over, or it never was one."""

    def __init__(self) -> None:
        super().__init__(Problem(code=Code.PHONE_LINK_UNKNOWN))


class LinkOwner(Struct, frozen=True, kw_only=True):
    """Whose phone a link is about, as its page shows it."""

    language: Language
    company: str
    name: str
    login: str
    extension: str


class PhoneLinks:
    """Finds links, and shows the password of one once."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords, trail: AuditTrail) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._trail = trail

    async def owner(self, link: str, address: str) -> LinkOwner:
        """Whose link it is; it stays as it is. Raises LinkUnknown and TooManyTries."""
        now_at = self._clock.now()
        try:
            async with self._database.begin() as connection:
                row = (await connection.execute(select(PHONE_LINKS).where(_valid(link, now_at)))).first()
                if row is None:
                    raise LinkUnknown
                return await _owner(connection, row.organization_id, row.agent_id, now_at)
        except LinkUnknown:
            await self._count_miss(address, now_at)
            raise

    async def show(self, link: str, address: str) -> tuple[LinkOwner, str]:
        """The phone password, and whose it is; the link is over. Raises LinkUnknown and TooManyTries."""
        now_at = self._clock.now()
        try:
            async with self._database.begin() as connection:
                # Of two requests with one link at once, one deletes the row.
                taken = delete(PHONE_LINKS).where(_valid(link, now_at)).returning(PHONE_LINKS)
                row = (await connection.execute(taken)).first()
                if row is None:
                    raise LinkUnknown
                owner = await _owner(connection, row.organization_id, row.agent_id, now_at)
                shown = await self._passwords.phone_password(connection, row.organization_id, row.agent_id)
                if shown is None:
                    raise LinkUnknown
                subject = f"agent/{row.agent_id}"
                noted = Noted(
                    event=SecurityEvent.PHONE_PASSWORD_SHOWN, actor="", subject=subject, address=address
                )
                await audit_trail.note(connection, row.organization_id, now_at, noted)
        except LinkUnknown:
            await self._count_miss(address, now_at)
            raise
        return owner, shown

    async def _count_miss(self, address: str, now_at: Instant) -> None:
        subject = f"phone-link/{rate_limits.network_of(address)}"
        async with self._trail.locking_out("", address), self._database.begin() as connection:
            await rate_limits.count(connection, subject, MISSES_MAX, now_at)


async def _owner(
    connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant
) -> LinkOwner:
    """Raises LinkUnknown where the organization is suspended."""
    if not await grants.is_active(connection, organization_id):
        raise LinkUnknown
    unit = UnitOfWork(connection, organization_id, now_at)
    await unit.load()
    card = unit.office.employees.get(agent_id)
    if card is None:
        raise LinkUnknown
    return LinkOwner(
        language=card.language or unit.office.organization.language,
        company=unit.office.organization.name,
        name=card.name,
        login=card.login,
        extension=card.extension,
    )


async def make(connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant) -> str:
    """A new link's token, in place of an earlier one of this employee."""
    await drop(connection, organization_id, agent_id)
    made = token()
    values = {"organization_id": organization_id, "agent_id": agent_id, "expires_at": now_at + LINK_MS}
    await connection.execute(insert(PHONE_LINKS).values(digest=digest(made), **values))
    return made


async def drop(connection: AsyncConnection, organization_id: str, agent_id: str) -> bool:
    """End the link of an employee, as when the password is replaced; whether there was one, not yet used."""
    its = (PHONE_LINKS.c.organization_id == organization_id) & (PHONE_LINKS.c.agent_id == agent_id)
    return (await connection.execute(delete(PHONE_LINKS).where(its))).rowcount > 0


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete links that are over."""
    await connection.execute(delete(PHONE_LINKS).where(PHONE_LINKS.c.expires_at <= now_at))


def _valid(link: str, now_at: Instant) -> ColumnElement[bool]:
    return (PHONE_LINKS.c.digest == digest(link)) & (PHONE_LINKS.c.expires_at > now_at)
