"""Employees: the card with what the book chooses for it, secrets, the letter, what overrides the rules."""

from msgspec import Struct
from sqlalchemy import select

from contracts.directory import ResponsibleSaved
from contracts.ids import AgentId
from services.directory.activities import book, letters, passwords
from services.directory.activities.answers import Request
from services.directory.activities.book import Book, Saved
from services.directory.activities.page import Page, Row, decoded
from services.directory.activities.passwords import Passwords
from services.directory.activities.tables import CARDS
from services.directory.activities.vault import generated_password
from services.directory.rules import extensions, naming
from services.directory.state.cards import DepartmentCard, EmployeeCard, EmployeeDraft, ResponsibleCard
from services.directory.state.office import Kind, Office
from services.directory.state.shown import (
    ColleagueShown,
    ColleaguesListed,
    EmployeeShown,
    LetterShown,
    SecretShown,
)

OVERRIDES_SHOWN_MAX = 20


class Secret(Struct, frozen=True, kw_only=True):
    """A new employee's one-time password, and its hash."""

    password: str
    hash: str


class Employees:
    """What is done with employees beyond saving a card; without `post` nobody is written to."""

    def __init__(self, found: Book, kept: Passwords, post: letters.Letters | None) -> None:
        self._book = found
        self._passwords = kept
        self._letters = post

    async def create(self, organization_id: str, request: Request, draft: EmployeeDraft) -> EmployeeShown:
        """A new employee with secrets; a letter takes them, or the answer shows them this once (E1, E3)."""
        password = draft.password or generated_password()
        hash_ = await self._passwords.hash(password)
        async with self._book.change(organization_id, request.who) as page:
            earlier = await self._book.earlier(page, request, EmployeeShown)
            if earlier is not None:
                return earlier
            answer = await self.add(page, draft, password, hash_)
            await self._book.keep(page, request, answer)
        return answer

    async def add(self, page: Page, draft: EmployeeDraft, password: str, hash_: str) -> EmployeeShown:
        """The same, on an open page."""
        card = _filled(page.office, draft)
        saved = book.create(page, Kind.EMPLOYEE, draft.id, card.login.replace(".", "-"), card)
        is_told = card.email is not None and self._letters is not None
        secret = Secret(password=password, hash=hash_)
        phone_password = await self.welcome(page, saved.row.id, secret)
        letter = await letters.state(page.connection, page.organization_id, saved.row.id)
        answer = shown(page.office, saved, letter)
        return _with_secrets(answer, None if is_told else password, phone_password)

    async def secret(self, card: EmployeeCard) -> Secret:
        """A password for whom a letter can take it to; for others none, until an administrator gives one."""
        if card.email is None:
            return Secret(password="", hash=passwords.NEVER_RIGHT)
        password = generated_password()
        return Secret(password=password, hash=await self._passwords.hash(password))

    async def welcome(self, page: Page, agent_id: str, secret: Secret) -> str:
        """Secrets and the letter of a new employee on an open page; returns the phone password."""
        phone_password = await self._passwords.give(
            page.connection, page.organization_id, agent_id, secret.hash
        )
        card = page.office.employees[agent_id]
        if self._letters is not None and card.email is not None:
            await self._letters.order(page, agent_id, secret.password, phone_password)
        return phone_password

    async def replace(
        self, organization_id: str, who: str, id_: str, version: int, card: EmployeeCard
    ) -> EmployeeShown:
        """An employee's card as its next version."""
        async with self._book.change(organization_id, who) as page:
            saved = book.replace(page, Kind.EMPLOYEE, id_, version, card)
            return await self._shown(page, saved)

    async def remove(self, organization_id: str, who: str, id_: str, version: int) -> None:
        """Nobody calls or logs in as a removed employee, and no CRM line leads there (E8)."""
        async with self._book.change(organization_id, who) as page:
            book.remove(page, Kind.EMPLOYEE, id_, version)
            await passwords.take(page.connection, organization_id, id_, page.now_at)
            await letters.drop(page.connection, organization_id, id_)
            for row in await _responsible(page, id_):
                assert isinstance(row.card, ResponsibleCard)
                await _end_responsible(page, row, id_)

    async def one(self, organization_id: str, id_: str) -> EmployeeShown:
        """An employee."""
        async with self._book.reading(organization_id) as page:
            return await self._shown(page, Saved(row=page.current(Kind.EMPLOYEE, id_)))

    async def listed(
        self, organization_id: str, *, search: str, cursor: str, limit: int
    ) -> tuple[list[EmployeeShown], str | None]:
        """Employees after the cursor; what overrides their rules is told on each one's own card."""
        rows, following = await self._book.listed(
            organization_id, Kind.EMPLOYEE, search=search, cursor=cursor, limit=limit
        )
        async with self._book.reading(organization_id) as page:
            sent = await letters.states(page.connection, organization_id, [row.id for row in rows])
            found = [shown(page.office, Saved(row=row), sent.get(row.id)) for row in rows]
        return found, following

    async def colleagues(
        self, organization_id: str, kind: Kind, *, cursor: str, limit: int
    ) -> ColleaguesListed:
        """Employees or departments after the cursor, as everybody may know them.

        A search would look into addresses and mobiles, too, and so tell them.
        """
        rows, following = await self._book.listed(organization_id, kind, cursor=cursor, limit=limit)
        async with self._book.reading(organization_id) as page:
            found = []
            for row in rows:
                assert isinstance(row.card, EmployeeCard | DepartmentCard)
                pbx = extensions.pbx_name(page.office, row.card.pbx_id)
                called = f"{row.card.name} ({pbx})"
                found.append(ColleagueShown(id=row.id, called=called, extension=row.card.extension))
        return ColleaguesListed(colleagues=tuple(found), next=following)

    async def _shown(self, page: Page, saved: Saved) -> EmployeeShown:
        id_ = saved.row.id
        letter = await letters.state(page.connection, page.organization_id, id_)
        made = shown(page.office, saved, letter)
        lines = [row.id for row in await _responsible(page, id_)]
        overrides = [*_scenarios_of(page.office, id_), *(f"CRM: {number}" for number in lines)]
        return EmployeeShown(
            id=made.id,
            version=made.version,
            card=made.card,
            called=made.called,
            letter=letter,
            overridden_by=tuple(overrides[:OVERRIDES_SHOWN_MAX]),
            warnings=saved.warnings,
        )

    async def new_password(self, organization_id: str, who: str, id_: str, typed: str | None) -> SecretShown:
        """A one-time password by an administrator; every login of the old one ends."""
        password = typed or generated_password()
        hash_ = await self._passwords.hash(password)
        async with self._book.change(organization_id, who) as page:
            row = page.current(Kind.EMPLOYEE, id_)
            await passwords.set_hash(
                page.connection, organization_id, id_, hash_, is_one_time=True, now_at=page.now_at
            )
            page.audit(who, "password", row, None)
        return SecretShown(secret=password)

    async def new_phone_password(self, organization_id: str, who: str, id_: str) -> SecretShown:
        """Another phone password; desk phones and softphones need it from now on."""
        async with self._book.change(organization_id, who) as page:
            row = page.current(Kind.EMPLOYEE, id_)
            made = await self._passwords.replace_phone(page.connection, organization_id, id_)
            page.audit(who, "phone password", row, None)
        return SecretShown(secret=made)


def _filled(office: Office, draft: EmployeeDraft) -> EmployeeCard:
    """The card, with a login from the name and the next free extension where none was given (E1, E2)."""
    taken = {card.login for card in office.employees.values()}
    values = {
        name: getattr(draft, name)
        for name in EmployeeCard.__struct_fields__
        if name not in ("login", "extension")
    }
    return EmployeeCard(
        **values,
        login=draft.login or naming.login(draft.name, taken),
        extension=draft.extension or extensions.free(office, draft.pbx_id),
    )


def shown(office: Office, saved: Saved, letter: LetterShown | None) -> EmployeeShown:
    """An employee as the API shows one, with the PBX's name in brackets (O4)."""
    card = saved.row.card
    assert isinstance(card, EmployeeCard)
    return EmployeeShown(
        id=saved.row.id,
        version=saved.row.version,
        card=card,
        called=f"{card.name} ({extensions.pbx_name(office, card.pbx_id)})",
        letter=letter,
        warnings=saved.warnings,
    )


def _with_secrets(answer: EmployeeShown, password: str | None, phone_password: str) -> EmployeeShown:
    return EmployeeShown(
        id=answer.id,
        version=answer.version,
        card=answer.card,
        called=answer.called,
        letter=answer.letter,
        warnings=answer.warnings,
        one_time_password=password,
        phone_password=phone_password,
    )


def _scenarios_of(office: Office, agent_id: str) -> list[str]:
    return [
        f"«{scenario.name}»"
        for scenario in office.scenarios.values()
        if any(element.agent_id == agent_id for element in scenario.elements)
    ]


async def _responsible(page: Page, agent_id: str) -> list[Row]:
    """The CRM's lines that name an employee."""
    query = select(CARDS).where(
        CARDS.c.organization_id == page.organization_id,
        CARDS.c.kind == Kind.RESPONSIBLE.value,
        ~CARDS.c.is_removed,
        CARDS.c.document.contains(f'"{agent_id}"', autoescape=True),
    )
    return [decoded(row) for row in (await page.connection.execute(query)).all()]


async def _end_responsible(page: Page, row: Row, agent_id: str) -> None:
    """A line without the removed employee: the second one moves up, or the line ends."""
    card = row.card
    assert isinstance(card, ResponsibleCard)
    left = [each for each in (card.agent_id, card.second_agent_id) if each not in (None, agent_id)]
    page.rows[row.kind, row.id] = row
    if left:
        page.put(row.kind, row.id, ResponsibleCard(number=card.number, agent_id=left[0]))
    else:
        page.remove(row.kind, row.id)
    fact = ResponsibleSaved(number=card.number, version=0, agent_id=AgentId(left[0]) if left else None)
    await page.say_single(fact)
