"""Authentication and authorization: employees by their role, programs by their actions (P1 to P6)."""

from typing import Any, Final

from msgspec import Struct, structs
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import rights
from contracts.directory import Role
from contracts.history import AccessRefused
from contracts.ids import AgentId, Instant
from contracts.rights import Action, Holder, Person, Program, Reach, Subject
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from runtime.token_keys import KeyHolder, SigningKeys
from runtime.tokens import Claims, TokenKindEnded, TokenRefused, TokenUse, verify
from services.directory.activities import grants, open_logins, outbox, passwords, program_tokens
from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.database import Database
from services.directory.activities.sealed_secrets import digest, token
from services.directory.activities.stored_cards import StoredCard, in_force, readable, stored_card
from services.directory.activities.tables import CARDS, PROGRAMS
from services.directory.rules import holders
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import (
    DepartmentCard,
    EmployeeCard,
    OrganizationCard,
    ServiceLevel,
    TokenCard,
)
from services.directory.state.office import Kind

BEARER: Final = "Bearer "
_MISSING: Final = {
    TokenUse.PASSWORD: Code.PASSWORD_CHANGE_NEEDED,
    TokenUse.SECOND_FACTOR: Code.SECOND_FACTOR_NEEDED,
    TokenUse.SECOND_FACTOR_SETUP: Code.SECOND_FACTOR_SETUP_NEEDED,
}
"""What is still missing for a login, by the tokens for it."""
LAST_USED_MS: Final = 5 * 60_000
"""How exactly the last use of a token is kept: at most one write in this time, however often it is used."""


class Principal(Struct, frozen=True, kw_only=True):
    """The holder of a valid token: a person or a program.

    `may_begin_organization`: the organization does not exist yet, and begins with the first office saved.
    """

    holder: Holder
    may_begin_organization: bool = False
    address: str = ""
    """The client's network address, for security events."""
    authenticated_at: Instant = Instant(0)
    """When the person was authenticated last, in the login of this token; programs never are."""

    @property
    def organization_id(self) -> str:
        """The organization, of which alone anything is read or changed."""
        return self.holder.organization_id

    @property
    def person(self) -> Person | None:
        """The employee, or None for a program."""
        return self.holder if isinstance(self.holder, Person) else None

    @property
    def token_id(self) -> str | None:
        """The program's token, or None for an employee."""
        return self.holder.token_id if isinstance(self.holder, Program) else None

    @property
    def name(self) -> str:
        """The name in the audit trail and in recorded refusals."""
        return f"token/{self.token_id}" if self.person is None else f"agent/{self.person.agent_id}"

    @property
    def agent_id(self) -> AgentId | None:
        """The employee, or None for a program."""
        return None if self.person is None else self.person.agent_id

    @property
    def is_operators(self) -> bool:
        """Whether whoever runs the installation made this token, for office files."""
        return self.token_id == program_tokens.OFFICE_FILES

    def may(self, action: Action, subject: Subject) -> bool:
        """Whether the table of rights allows it."""
        return rights.allows(self.holder, action, subject)

    def reach(self, action: Action) -> Reach | None:
        """How far a right goes; None: not at all."""
        return rights.reach(self.holder, action)


class Called(Struct, frozen=True, kw_only=True):
    """What a principal is called, where, and the zone and the service level there."""

    name: str = ""
    login: str = ""
    organization_name: str = ""
    timezone: str = "UTC"
    service_level: ServiceLevel = ServiceLevel()


class TokenUnknown(RequestRefused):
    """There is no token, or it was not signed here, or for another use: whose it is is not known."""

    def __init__(self) -> None:
        super().__init__(Problem(code=Code.TOKEN_REFUSED))


class Authentication:
    """Turns tokens into principals, and checks their rights."""

    def __init__(
        self, database: Database, clock: Clock, token_keys: KeyHolder[SigningKeys], trail: AuditTrail
    ) -> None:
        self._database = database
        self._trail = trail
        self._clock = clock
        self._keys = token_keys

    def claims(self, header: str | None, *uses: TokenUse) -> Claims:
        """The claims of an `Authorization` header's token, for one of these uses. Raises RequestRefused."""
        text = header or ""
        try:
            if not text.startswith(BEARER):
                raise TokenRefused("no token")
            found = verify(text.removeprefix(BEARER), self._keys.current.public, self._clock.now())
        except TokenKindEnded as ended:
            values = {"until": ended.until.isoformat()}
            raise RequestRefused(Problem(code=Code.TOKEN_KIND_ENDED, values=values)) from ended
        except TokenRefused as error:
            raise TokenUnknown from error
        if found.use in uses:
            return found
        if found.use in _MISSING:
            raise RequestRefused(Problem(code=_MISSING[found.use]))
        raise TokenUnknown

    async def open_claims(self, header: str | None, *uses: TokenUse) -> Claims:
        """The same, and a token of a login is refused once that login has ended. Raises RequestRefused."""
        found = self.claims(header, *uses)
        if found.family:
            async with self._database.begin() as connection:
                await _require_open(connection, found)
        return found

    async def principal(self, header: str | None, address: str = "") -> Principal:
        """The principal of a request, with the rights saved now. Raises RequestRefused."""
        claims = self.claims(header, TokenUse.ACCESS, TokenUse.PROGRAM)
        try:
            if claims.use is TokenUse.PROGRAM:
                found = await self._program(claims, (header or "").removeprefix(BEARER))
            else:
                found = await self._person(claims)
        except RequestRefused:
            await self._trail.note(claims.organization_id, _refused(claims, address))
            raise
        return structs.replace(found, address=address)

    async def _person(self, claims: Claims) -> Principal:
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        async with self._database.begin() as connection:
            await grants.require_active(connection, organization_id)
            authenticated_at = await open_logins.authenticated_at(connection, claims.family)
            if authenticated_at is None:
                raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
            query = select(CARDS).where(in_force(organization_id, Kind.EMPLOYEE), CARDS.c.id == agent_id)
            found = (await connection.execute(query)).first()
            # A removed employee has no secrets any more.
            secret = await passwords.found(connection, organization_id, agent_id)
            if found is None or secret is None:
                raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
            card = stored_card(found).card
            assert isinstance(card, EmployeeCard)
            kinds = [Kind.ORGANIZATION, *([] if card.role is Role.ADMINISTRATOR else [Kind.DEPARTMENT])]
            rows: list[StoredCard] = []
            for kind in kinds:
                listed = (
                    await connection.execute(select(CARDS).where(in_force(organization_id, kind)))
                ).all()
                # A department that can't be read gives no rights; the organization's card takes some away.
                rows += map(stored_card, listed) if kind is Kind.ORGANIZATION else readable(listed)
        departments = {row.id: row.card for row in rows if isinstance(row.card, DepartmentCard)}
        hidden = [row.card.numbers_hidden_from for row in rows if isinstance(row.card, OrganizationCard)]
        found_person = holders.person(
            organization_id, agent_id, card, departments=departments, hidden_from=hidden[0] if hidden else ()
        )
        return Principal(holder=found_person, authenticated_at=authenticated_at)

    async def called(self, principal: Principal) -> Called:
        """What everybody may know of the own card and of the organization's, whatever the rights."""
        organization_id = principal.organization_id
        own = ((Kind.ORGANIZATION, organization_id), (Kind.EMPLOYEE, principal.agent_id))
        rows: list[Row[Any]] = []
        async with self._database.begin() as connection:
            for kind, id_ in own:
                query = select(CARDS).where(in_force(organization_id, kind), CARDS.c.id == id_)
                rows += (await connection.execute(query)).all()
        found = Called()
        for row in readable(rows):
            if isinstance(row.card, OrganizationCard):
                found = structs.replace(
                    found,
                    organization_name=row.card.name,
                    timezone=row.card.timezone,
                    service_level=row.card.service_level,
                )
            elif isinstance(row.card, EmployeeCard):
                found = structs.replace(found, name=row.card.name, login=row.card.login)
        return found

    async def _program(self, claims: Claims, text: str) -> Principal:
        organization_id, token_id = claims.organization_id, str(claims.token_id)
        async with self._database.begin() as connection:
            where = (PROGRAMS.c.organization_id == organization_id) & (PROGRAMS.c.token_id == token_id)
            known = (await connection.execute(select(PROGRAMS).where(where))).first()
            query = select(CARDS).where(in_force(organization_id, Kind.TOKEN), CARDS.c.id == token_id)
            found = (await connection.execute(query)).first()
            is_there = found is not None or await program_tokens.has_organization(connection, organization_id)
            is_known = (
                known is not None and known.digest == digest(text) and (found is not None or not is_there)
            )
            if is_known:
                await grants.require_active(connection, organization_id)
        if known is None or not is_known:
            raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
        await self._note_use(known)
        if found is None:
            promised = holders.program(organization_id, token_id, program_tokens.FOR_OFFICE_FILES)
            return Principal(holder=promised, may_begin_organization=True)
        card = stored_card(found).card
        assert isinstance(card, TokenCard)
        return Principal(holder=holders.program(organization_id, token_id, card))

    async def _note_use(self, known: Row[Any]) -> None:
        """Write when a token was used, in a transaction of its own and not at each request."""
        now_at = self._clock.now()
        if known.last_used_at is not None and now_at < known.last_used_at + LAST_USED_MS:
            return
        async with self._database.begin() as connection:
            await program_tokens.note_use(connection, known, now_at)

    async def require(self, principal: Principal, action: Action, subject: Subject, what: str) -> None:
        """Check a right against the table; record a refusal and raise RequestRefused (P5)."""
        if principal.may(action, subject):
            return
        await record_refusal(self._database, self._trail, principal, action, what, now_at=self._clock.now())
        raise RequestRefused(Problem(code=Code.FORBIDDEN))


async def record_refusal(
    database: Database,
    trail: AuditTrail,
    principal: Principal,
    action: Action,
    what: str,
    *,
    now_at: Instant,
) -> None:
    """Record who was refused what (P5), in transactions of its own: the request's changes nothing."""
    refused = Noted(
        event=SecurityEvent.ACCESS_REFUSED,
        actor=principal.name,
        subject=what,
        outcome="refused",
        address=principal.address,
        details={"action": action.value},
    )
    times = await trail.note(principal.organization_id, refused)
    if not times:
        return
    fact = AccessRefused(by=principal.name, action=action.value, what=what, times=times)
    id_ = f"{outbox.SOURCE}/{principal.organization_id}/refused/{token()}"
    record = outbox.record(fact, id_=id_, organization_id=principal.organization_id, now_at=now_at)
    async with database.begin() as connection:
        await outbox.put(connection, [record])


def _refused(claims: Claims, address: str) -> Noted:
    """A token that was signed here and is no longer valid: revoked, or of an ended login."""
    who = f"agent/{claims.agent_id}" if claims.agent_id is not None else f"token/{claims.token_id}"
    return Noted(event=SecurityEvent.TOKEN_REFUSED, actor=who, outcome="refused", address=address)


async def _require_open(connection: AsyncConnection, claims: Claims) -> None:
    if not await open_logins.is_open(connection, claims.family):
        raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))
