"""The repository of cards: reads them, and opens units of work that change them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import select

from contracts.ids import Instant
from runtime.ports import Clock
from services.directory.activities import program_tokens
from services.directory.activities.database import Database
from services.directory.activities.idempotency import Idempotency, KeyedRequest
from services.directory.activities.tables import AUDIT, CARDS
from services.directory.activities.unit_of_work import StoredCard, UnitOfWork, in_force, stored_card
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.office import Kind
from services.directory.state.responses import AuditLine, AuditListed

LIMIT_MAX: Final = 200
SEARCH_LENGTH_MAX: Final = 100

S = TypeVar("S", bound=Struct)


class Repository:
    """Cards of every organization; no method touches two organizations (O1)."""

    def __init__(
        self, database: Database, clock: Clock, answers: Idempotency, on_changed: Callable[[], None]
    ) -> None:
        self.database = database
        self._clock = clock
        self._answers = answers
        self._on_changed = on_changed

    def now(self) -> Instant:
        """The time of a change."""
        return self._clock.now()

    @asynccontextmanager
    async def change(self, organization_id: str, who: str) -> AsyncIterator[UnitOfWork]:
        """A unit of work, saved whole at the end of its block, or not at all."""
        async with self.database.begin() as connection:
            unit = await UnitOfWork.open(connection, organization_id, self.now())
            yield unit
            await unit.close(who)
        self._on_changed()

    @asynccontextmanager
    async def change_or_begin(self, organization_id: str, who: str) -> AsyncIterator[UnitOfWork]:
        """The same for an organization that may not exist yet: it begins with this unit of work.

        Requests wait for each other on the promised token's row (`program_tokens.promise`).
        """
        async with self.database.begin() as connection:
            unit = UnitOfWork(connection, organization_id, self.now())
            await program_tokens.lock(connection, organization_id)
            await unit.load()
            is_new = not unit.is_begun
            yield unit
            if is_new:
                await program_tokens.put(unit, program_tokens.OFFICE_FILES, program_tokens.FOR_OFFICE_FILES)
            await unit.close(who)
        self._on_changed()

    @asynccontextmanager
    async def reading(self, organization_id: str) -> AsyncIterator[UnitOfWork]:
        """A unit of work that only reads."""
        async with self.database.begin() as connection:
            unit = UnitOfWork(connection, organization_id, self.now())
            await unit.load()
            yield unit

    async def earlier(self, unit: UnitOfWork, request: KeyedRequest, type_: type[S]) -> S | None:
        """The answer to an earlier copy of the request."""
        found = await self._answers.earlier(unit.connection, request, unit.now_at)
        return None if found is None else msgspec.json.decode(found, type=type_)

    async def keep(self, unit: UnitOfWork, request: KeyedRequest, answer: Struct) -> None:
        """Keep the answer for repeats of the request."""
        text = msgspec.json.encode(answer).decode()
        await self._answers.keep(unit.connection, request, text, unit.now_at)

    async def one(self, organization_id: str, kind: Kind, id_: str) -> StoredCard:
        """A card in force. Raises RequestRefused when there is none."""
        found = await self.find(organization_id, kind, id_)
        if found is None:
            raise RequestRefused(Problem(code=Code.NOT_FOUND, values={"id": id_}))
        return found

    async def find(self, organization_id: str, kind: Kind, id_: str) -> StoredCard | None:
        """A card in force, or None."""
        query = select(CARDS).where(in_force(organization_id, kind), CARDS.c.id == id_)
        async with self.database.begin() as connection:
            found = (await connection.execute(query)).first()
        return None if found is None else stored_card(found)

    async def listed(
        self, organization_id: str, kind: Kind, *, search: str = "", cursor: str = "", limit: int = 50
    ) -> tuple[list[StoredCard], str | None]:
        """Cards in force after the cursor, by id, and the next cursor; `search` matches names."""
        query = (
            select(CARDS)
            .where(in_force(organization_id, kind), CARDS.c.id > cursor)
            .order_by(CARDS.c.id)
            .limit(limit + 1)
        )
        for word in search.lower().split():
            query = query.where(CARDS.c.searched.contains(word, autoescape=True))
        async with self.database.begin() as connection:
            found = (await connection.execute(query)).all()
        rows = [stored_card(row) for row in found[:limit]]
        return rows, rows[-1].id if len(found) > limit else None

    async def audited(self, organization_id: str, *, cursor: str = "", limit: int = 50) -> AuditListed:
        """The audit trail, newest first."""
        query = select(AUDIT).where(AUDIT.c.organization_id == organization_id)
        if cursor.isdecimal():
            query = query.where(AUDIT.c.number < int(cursor[:18]))
        async with self.database.begin() as connection:
            ordered = query.order_by(AUDIT.c.number.desc()).limit(limit + 1)
            found = (await connection.execute(ordered)).all()
        lines = tuple(
            AuditLine(
                number=row.number,
                at=row.at,
                who=row.who,
                what=row.what,
                kind=row.kind,
                id=row.id,
                version=row.version,
                before=row.before,
                after=row.after,
                fields=tuple(row.fields.split()),
            )
            for row in found[:limit]
        )
        return AuditListed(lines=lines, next=str(lines[-1].number) if len(found) > limit else None)
