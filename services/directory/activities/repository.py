"""The repository of cards: reads them, and opens units of work that change them."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import select

from contracts.ids import Instant
from contracts.rights import Action
from runtime.ports import Clock
from services.directory.activities import program_tokens, reauthentication
from services.directory.activities.audit_trail import AuditTrail
from services.directory.activities.authentication import Principal, record_refusal
from services.directory.activities.database import Database
from services.directory.activities.idempotency import Idempotency, KeyedRequest
from services.directory.activities.stored_cards import StoredCard, in_force, readable, stored_card
from services.directory.activities.tables import CARDS
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules import privileges
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.rules.privileges import Needed
from services.directory.state.office import Kind

LIMIT_MAX: Final = 200
SEARCH_LENGTH_MAX: Final = 100

S = TypeVar("S", bound=Struct)


class _BeyondRights(Exception):
    """A change takes a right that the principal lacks."""

    def __init__(self, needed: Needed, action: Action) -> None:
        self.needed = needed
        self.action = action
        super().__init__(f"{needed.what}: {action}")


def _require_rights(principal: Principal, unit: UnitOfWork, *, by_operator: bool = False) -> None:
    for needed in unit.needed():
        action = privileges.missing(principal.holder, needed, by_operator=by_operator)
        if action is not None:
            raise _BeyondRights(needed, action)
        if needed.signs_in is not None and needed.signs_in == principal.agent_id:
            reauthentication.require_recent(principal.authenticated_at, unit.now_at)


class Repository:
    """Cards of every organization; no method touches two organizations (O1)."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        answers: Idempotency,
        on_changed: Callable[[], None],
        trail: AuditTrail | None = None,
    ) -> None:
        self.database = database
        self._trail = trail or AuditTrail(database, clock)
        self._clock = clock
        self._answers = answers
        self.on_changed = on_changed

    def now(self) -> Instant:
        """The time of a change."""
        return self._clock.now()

    @asynccontextmanager
    async def change(self, principal: Principal) -> AsyncIterator[UnitOfWork]:
        """A unit of work, saved whole at the end of its block, or not at all.

        Raises RequestRefused, and records it, for a change that gives away more than the principal has (P7),
        and for one of how the principal signs in, by a login that was authenticated too long ago.
        """
        async with self._within_rights(principal), self.database.begin() as connection:
            unit = await UnitOfWork.open(connection, principal.organization_id, self.now())
            yield unit
            _require_rights(principal, unit)
            await unit.close(principal.name)
        self.on_changed()

    @asynccontextmanager
    async def change_office(self, principal: Principal) -> AsyncIterator[UnitOfWork]:
        """The same for a whole office, which the operator's own token may give any administrator.

        If the principal may begin the organization, it begins with this unit of work. Requests wait for each
        other on the promised token's row (`program_tokens.promise`).
        """
        organization_id = principal.organization_id
        async with self._within_rights(principal), self.database.begin() as connection:
            if principal.may_begin_organization:
                unit = UnitOfWork(connection, organization_id, self.now())
                await program_tokens.lock(connection, organization_id)
                await unit.load()
            else:
                unit = await UnitOfWork.open(connection, organization_id, self.now())
            is_new = not unit.is_begun
            yield unit
            _require_rights(principal, unit, by_operator=principal.is_operators)
            if is_new:
                await program_tokens.put(unit, program_tokens.OFFICE_FILES, program_tokens.FOR_OFFICE_FILES)
            await unit.close(principal.name)
        self.on_changed()

    @asynccontextmanager
    async def change_by_service(self, organization_id: str, who: str) -> AsyncIterator[UnitOfWork]:
        """The same for what the service changes by itself, as the date does."""
        async with self.database.begin() as connection:
            unit = await UnitOfWork.open(connection, organization_id, self.now())
            yield unit
            await unit.close(who)
        self.on_changed()

    @asynccontextmanager
    async def _within_rights(self, principal: Principal) -> AsyncIterator[None]:
        """Record what goes beyond the principal's rights, once its transaction is rolled back."""
        try:
            yield
        except _BeyondRights as found:
            what = found.needed.what
            await record_refusal(self.database, self._trail, principal, found.action, what, now_at=self.now())
            values = {"what": what, "action": str(found.action)}
            raise RequestRefused(Problem(code=Code.BEYOND_RIGHTS, values=values)) from found

    async def require_rights(self, principal: Principal, unit: UnitOfWork) -> None:
        """The same check of an office that is not saved."""
        async with self._within_rights(principal):
            _require_rights(principal, unit, by_operator=principal.is_operators)

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
        self,
        organization_id: str,
        kind: Kind,
        *,
        search: str = "",
        cursor: str = "",
        limit: int = 50,
        among: Collection[str] | None = None,
    ) -> tuple[list[StoredCard], str | None]:
        """Cards in force after the cursor, by id, and the next cursor.

        `search` matches names; `among` are the ids that the reader's rights reach, None: all.
        """
        query = (
            select(CARDS)
            .where(in_force(organization_id, kind), CARDS.c.id > cursor)
            .order_by(CARDS.c.id)
            .limit(limit + 1)
        )
        if among is not None:
            query = query.where(CARDS.c.id.in_(sorted(among)))
        for word in search.lower().split():
            query = query.where(CARDS.c.searched.contains(word, autoescape=True))
        async with self.database.begin() as connection:
            found = (await connection.execute(query)).all()
        return readable(found[:limit]), found[limit - 1].id if len(found) > limit else None
