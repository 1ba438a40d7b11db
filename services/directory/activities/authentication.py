"""Authentication and authorization: employees by their role, programs by their actions (P1 to P6)."""

from typing import Final

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import rights
from contracts.directory import Role
from contracts.history import AccessRefused
from contracts.ids import AgentId, DepartmentId, OrganizationId
from contracts.rights import Action, Person, Subject
from runtime.ports import Clock
from runtime.tokens import Claims, TokenRefused, TokenUse, verify
from services.directory.activities import open_logins, outbox, passwords, program_tokens
from services.directory.activities.database import Database
from services.directory.activities.sealed_secrets import digest, token
from services.directory.activities.tables import CARDS, PROGRAMS
from services.directory.activities.unit_of_work import in_force, stored_card
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import DepartmentCard, EmployeeCard, TokenCard
from services.directory.state.office import Kind

BEARER: Final = "Bearer "


class Principal(Struct, frozen=True, kw_only=True):
    """The holder of a valid token: a person, or a program (`actions` reach the whole organization).

    `may_begin_organization`: the organization does not exist yet, and begins with the first office saved.
    """

    organization_id: str
    person: Person | None = None
    token_id: str | None = None
    actions: frozenset[Action] = frozenset()
    may_begin_organization: bool = False

    @property
    def name(self) -> str:
        """The name in the audit trail and in recorded refusals."""
        return f"agent/{self.person.agent_id}" if self.person is not None else f"token/{self.token_id}"

    @property
    def agent_id(self) -> AgentId | None:
        """The employee, or None for a program."""
        return None if self.person is None else self.person.agent_id

    def may(self, action: Action, subject: Subject) -> bool:
        """Whether the table of rights allows it."""
        if self.person is not None:
            return rights.allows(self.person, action, subject)
        return action in self.actions and subject.organization_id == self.organization_id


class Authentication:
    """Turns tokens into principals, and checks their rights."""

    def __init__(self, database: Database, clock: Clock, token_key: str) -> None:
        self._database = database
        self._clock = clock
        self._key = token_key

    def claims(self, header: str | None, *uses: TokenUse) -> Claims:
        """The claims of an `Authorization` header's token, for one of these uses. Raises RequestRefused."""
        text = header or ""
        try:
            if not text.startswith(BEARER):
                raise TokenRefused("no token")
            found = verify(text.removeprefix(BEARER), self._key, self._clock.now())
        except TokenRefused as error:
            raise RequestRefused(Problem(code=Code.TOKEN_REFUSED)) from error
        if found.use is TokenUse.PASSWORD and TokenUse.PASSWORD not in uses:
            raise RequestRefused(Problem(code=Code.PASSWORD_CHANGE_NEEDED))
        if found.use not in uses:
            raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
        return found

    async def open_claims(self, header: str | None, *uses: TokenUse) -> Claims:
        """The same, and a token of a login is refused once that login has ended. Raises RequestRefused."""
        found = self.claims(header, *uses)
        if found.family:
            async with self._database.begin() as connection:
                await _require_open(connection, found)
        return found

    async def principal(self, header: str | None) -> Principal:
        """The principal of a request, with the rights saved now. Raises RequestRefused."""
        claims = self.claims(header, TokenUse.ACCESS, TokenUse.PROGRAM)
        if claims.use is TokenUse.PROGRAM:
            return await self._program(claims, (header or "").removeprefix(BEARER))
        return await self._person(claims)

    async def _person(self, claims: Claims) -> Principal:
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        async with self._database.begin() as connection:
            await _require_open(connection, claims)
            query = select(CARDS).where(in_force(organization_id, Kind.EMPLOYEE), CARDS.c.id == agent_id)
            found = (await connection.execute(query)).first()
            # A removed employee has no secrets any more.
            secret = await passwords.found(connection, organization_id, agent_id)
            if found is None or secret is None:
                raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
            card = stored_card(found).card
            assert isinstance(card, EmployeeCard)
            rows = []
            if card.role is not Role.ADMINISTRATOR:
                listed = select(CARDS).where(in_force(organization_id, Kind.DEPARTMENT))
                rows = [stored_card(row) for row in (await connection.execute(listed)).all()]
        departments = {row.id: row.card for row in rows if isinstance(row.card, DepartmentCard)}
        return Principal(organization_id=organization_id, person=person(claims, card, departments))

    async def _program(self, claims: Claims, text: str) -> Principal:
        organization_id, token_id = claims.organization_id, str(claims.token_id)
        async with self._database.begin() as connection:
            where = (PROGRAMS.c.organization_id == organization_id) & (PROGRAMS.c.token_id == token_id)
            known = (await connection.execute(select(PROGRAMS.c.digest).where(where))).scalar()
            query = select(CARDS).where(in_force(organization_id, Kind.TOKEN), CARDS.c.id == token_id)
            found = (await connection.execute(query)).first()
            is_there = found is not None or await program_tokens.has_organization(connection, organization_id)
        if known != digest(text) or (found is None and is_there):
            raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
        if found is None:
            actions = frozenset(program_tokens.FOR_OFFICE_FILES.actions)
            return Principal(
                organization_id=organization_id,
                token_id=token_id,
                actions=actions,
                may_begin_organization=True,
            )
        card = stored_card(found).card
        assert isinstance(card, TokenCard)
        return Principal(organization_id=organization_id, token_id=token_id, actions=frozenset(card.actions))

    async def require(self, principal: Principal, action: Action, subject: Subject, what: str) -> None:
        """Check a right against the table; record a refusal and raise RequestRefused (P5)."""
        if principal.may(action, subject):
            return
        fact = AccessRefused(by=principal.name, action=action.value, what=what)
        now_at = self._clock.now()
        id_ = f"{outbox.SOURCE}/{principal.organization_id}/refused/{token()}"
        record = outbox.record(fact, id_=id_, organization_id=principal.organization_id, now_at=now_at)
        async with self._database.begin() as connection:
            await outbox.put(connection, [record])
        raise RequestRefused(Problem(code=Code.FORBIDDEN))


async def _require_open(connection: AsyncConnection, claims: Claims) -> None:
    if not await open_logins.is_open(connection, claims.family):
        raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))


def person(claims: Claims, card: EmployeeCard, departments: dict[str, DepartmentCard]) -> Person:
    """An employee as the table of rights sees one."""
    agent_id = str(claims.agent_id)
    heads = [id_ for id_, each in departments.items() if any(who.agent_id == agent_id for who in each.heads)]
    sits_in = [
        id_ for id_, each in departments.items() if any(seat.agent_id == agent_id for seat in each.agents)
    ]
    return Person(
        organization_id=OrganizationId(claims.organization_id),
        agent_id=AgentId(agent_id),
        role=card.role,
        sees_organization=card.sees_organization,
        may_download=card.may_download,
        may_hear=card.may_hear,
        departments=rights.own_departments(
            card.role, heads=map(DepartmentId, heads), sits_in=map(DepartmentId, sits_in)
        ),
    )
