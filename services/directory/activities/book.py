"""The book: reading cards, and changing them, each change checked and whole with the facts that tell it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import select

from contracts.ids import Instant
from runtime.ports import Clock
from services.directory.activities import programs
from services.directory.activities.answers import Answers, Request
from services.directory.activities.database import Database
from services.directory.activities.page import Page, Row, decoded
from services.directory.activities.tables import AUDIT, CARDS
from services.directory.rules import checks, naming, people
from services.directory.rules.errors import Code, Problem, Refused, shown
from services.directory.state.cards import Card, DepartmentCard
from services.directory.state.office import Kind
from services.directory.state.shown import AuditLine, AuditListed, ErrorShown

LIMIT_MAX: Final = 200
SEARCH_LENGTH_MAX: Final = 100

S = TypeVar("S", bound=Struct)


class Saved(Struct, frozen=True, kw_only=True):
    """A card that was saved, and what is doubtful about it."""

    row: Row
    warnings: tuple[ErrorShown, ...] = ()


class Book:
    """Every card of every organization; nothing done for one can touch another's (O1)."""

    def __init__(
        self, database: Database, clock: Clock, answers: Answers, on_changed: Callable[[], None]
    ) -> None:
        self.database = database
        self._clock = clock
        self._answers = answers
        self._on_changed = on_changed

    def now(self) -> Instant:
        """The time that a change carries."""
        return self._clock.now()

    @asynccontextmanager
    async def change(self, organization_id: str, who: str) -> AsyncIterator[Page]:
        """A page that closes with its block: all of what was done on it, or nothing."""
        async with self.database.begin() as connection:
            page = await Page.open(connection, organization_id, self.now())
            yield page
            await page.close(who)
        self._on_changed()

    @asynccontextmanager
    async def beginning(self, organization_id: str, who: str) -> AsyncIterator[Page]:
        """The same where the book does not have the organization yet: that begins with its block, or not.

        Whoever was promised it (`programs.promise`) stands in line, as saves of an organization do.
        """
        async with self.database.begin() as connection:
            page = Page(connection, organization_id, self.now())
            await programs.lock(connection, organization_id)
            await page.load()
            is_new = not page.is_begun
            yield page
            if is_new:
                await programs.known(page, programs.OFFICE_FILES, programs.FOR_OFFICE_FILES)
            await page.close(who)
        self._on_changed()

    @asynccontextmanager
    async def reading(self, organization_id: str) -> AsyncIterator[Page]:
        """A page to look at."""
        async with self.database.begin() as connection:
            page = Page(connection, organization_id, self.now())
            await page.load()
            yield page

    async def earlier(self, page: Page, request: Request, type_: type[S]) -> S | None:
        """The answer that this request got before, read again."""
        found = await self._answers.earlier(page.connection, request, page.now_at)
        return None if found is None else msgspec.json.decode(found, type=type_)

    async def keep(self, page: Page, request: Request, answer: Struct) -> None:
        """Remember the answer to a request."""
        text = msgspec.json.encode(answer).decode()
        await self._answers.keep(page.connection, request, text, page.now_at)

    async def one(self, organization_id: str, kind: Kind, id_: str) -> Row:
        """A card in force. Raises Refused when there is none."""
        query = select(CARDS).where(
            CARDS.c.organization_id == organization_id,
            CARDS.c.kind == kind.value,
            CARDS.c.id == id_,
            ~CARDS.c.is_removed,
        )
        async with self.database.begin() as connection:
            found = (await connection.execute(query)).first()
        if found is None:
            raise Refused(Problem(code=Code.NOT_FOUND, values={"id": id_}))
        return decoded(found)

    async def listed(
        self, organization_id: str, kind: Kind, *, search: str = "", cursor: str = "", limit: int = 50
    ) -> tuple[list[Row], str | None]:
        """Cards in force after the cursor, by id, and the next cursor; `search` looks into names."""
        query = (
            select(CARDS)
            .where(CARDS.c.organization_id == organization_id, CARDS.c.kind == kind.value)
            .where(~CARDS.c.is_removed, CARDS.c.id > cursor)
            .order_by(CARDS.c.id)
            .limit(limit + 1)
        )
        for word in search.lower().split():
            query = query.where(CARDS.c.searched.contains(word, autoescape=True))
        async with self.database.begin() as connection:
            found = (await connection.execute(query)).all()
        rows = [decoded(row) for row in found[:limit]]
        return rows, rows[-1].id if len(found) > limit else None

    async def audited(self, organization_id: str, *, cursor: str = "", limit: int = 50) -> AuditListed:
        """Who changed what, newest first."""
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


def create(page: Page, kind: Kind, id_: str | None, name: str, card: Card) -> Saved:
    """A new card under the wanted id, or one made from its name. Raises Refused."""
    wanted = id_ or naming.unique(naming.latin(name), lambda each: _is_taken(page, kind, each))
    if _is_taken(page, kind, wanted):
        raise Refused(Problem(code=Code.ID_TAKEN, field="id", values={"id": wanted}))
    page.put(kind, wanted, card)
    return saved(page, kind, wanted)


def _is_taken(page: Page, kind: Kind, id_: str) -> bool:
    return any((each, id_) in page.rows for each in of_one_name(kind))


def of_one_name(kind: Kind) -> tuple[Kind, ...]:
    """The kinds that share their ids: an employee and an office PBX's extension are both agents."""
    agents = (Kind.EMPLOYEE, Kind.EXTENSION)
    return agents if kind in agents else (kind,)


def replace(page: Page, kind: Kind, id_: str, version: int, card: Card) -> Saved:
    """A card as its next version, if the one that it replaces is still the newest. Raises Refused."""
    row = page.current(kind, id_)
    demand_version(row, version)
    page.put(kind, id_, card)
    return saved(page, kind, id_)


def demand_version(row: Row, version: int) -> None:
    """Raises Refused when somebody else has changed the card since it was read."""
    if row.version != version:
        raise Refused(
            Problem(code=Code.IF_MATCH_STALE, field="If-Match", values={"version": str(row.version)})
        )


def saved(page: Page, kind: Kind, id_: str) -> Saved:
    """What was put, checked as the office stands now. Raises Refused with every error."""
    found = checks.alone(page.office, kind, id_)
    errors = [each for each in found if not each.is_warning]
    if kind is Kind.EMPLOYEE and not people.administrators(page.office):
        errors.append(Problem(code=Code.LAST_ADMINISTRATOR, field="role"))
    if errors:
        raise Refused(*errors)
    warnings = tuple(shown(each) for each in found if each.is_warning)
    return Saved(row=page.rows[kind, id_], warnings=warnings)


def remove(page: Page, kind: Kind, id_: str, version: int) -> None:
    """Take a card out of force, and an agent out of departments; refused while calls are led there."""
    demand_version(page.current(kind, id_), version)
    users = checks.users(page.office, kind, id_)
    if users:
        raise Refused(Problem(code=Code.IN_USE, values={"where": ", ".join(users)}))
    page.remove(kind, id_)
    if kind in (Kind.EMPLOYEE, Kind.EXTENSION):
        for department_id, department in list(page.office.departments.items()):
            page.put(Kind.DEPARTMENT, department_id, checks.without_agent(department, id_))
    if kind is Kind.EMPLOYEE:
        if not people.administrators(page.office):
            raise Refused(Problem(code=Code.LAST_ADMINISTRATOR))
        if id_ in page.office.rules:
            page.remove(Kind.RULES, id_)


def department(page: Page, id_: str, version: int) -> DepartmentCard:
    """A department at the version that the asker has read. Raises Refused."""
    row = page.current(Kind.DEPARTMENT, id_)
    demand_version(row, version)
    assert isinstance(row.card, DepartmentCard)
    return row.card
