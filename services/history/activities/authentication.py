"""Whose token it is, and what it may do: an employee by rights, a program by its actions (P1 to P6)."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct, structs
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import rights
from contracts.history import AccessRefused
from contracts.ids import AgentId, DepartmentId, OrganizationId
from contracts.rights import Action, Holder, Person, Reach
from runtime.edge import Say
from runtime.ports import Clock
from runtime.token_keys import KeyHolder, VerifyingKeys
from runtime.tokens import Claims, TokenKindEnded, TokenRefused, TokenUse, verify
from services.history.activities import logins
from services.history.activities.access_trail import AccessTrail
from services.history.activities.repository import load_rights_cards
from services.history.rules.errors import Code, Refused

BEARER: Final = "Bearer "


class Principal(Struct, frozen=True, kw_only=True):
    """The holder of a valid token: a person or a program."""

    holder: Holder
    address: str = ""
    """The client's network address, for security events."""
    claims: Claims | None = None
    """What the token says; None where there was none."""

    @property
    def organization_id(self) -> OrganizationId:
        """The organization, of which alone anything is read."""
        return self.holder.organization_id

    @property
    def name(self) -> str:
        """How a recorded refusal names the principal."""
        holder = self.holder
        return f"agent/{holder.agent_id}" if isinstance(holder, Person) else f"token/{holder.token_id}"

    @property
    def agent_id(self) -> AgentId | None:
        """The employee, or None for a program."""
        return self.holder.agent_id if isinstance(self.holder, Person) else None

    @property
    def departments(self) -> list[DepartmentId]:
        """The departments that rights reach where they do not reach the organization, by id."""
        return sorted(self.holder.departments)

    @property
    def sees_numbers(self) -> bool:
        """Whether customers' numbers are shown whole: the right reaches as far as that to history."""
        return self.reach(Action.NUMBER_SEE) is not None

    def reach(self, action: Action) -> Reach | None:
        """How far the right goes; None without the right."""
        return rights.reach(self.holder, action)


class Authentication:
    """Verifies tokens, looks rights up, and records refusals."""

    def __init__(
        self,
        engine: AsyncEngine,
        say: Say,
        clock: Clock,
        keys: KeyHolder[VerifyingKeys],
        tokens: Callable[[], str],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._keys = keys
        self.trail = AccessTrail(say, clock, tokens)

    def claims(self, authorization: str | None) -> Claims:
        """The claims of an Authorization header's token, which is signed and not expired. Raises Refused."""
        if authorization is None or not authorization.startswith(BEARER):
            raise Refused(Code.TOKEN_MISSING)
        try:
            claims = verify(authorization.removeprefix(BEARER), self._keys.current, self._clock.now())
        except TokenKindEnded as ended:
            raise Refused(Code.TOKEN_KIND_ENDED, until=ended.until.isoformat()) from ended
        except TokenRefused as error:
            raise Refused(Code.TOKEN_REFUSED) from error
        if claims.use not in (TokenUse.ACCESS, TokenUse.PROGRAM):
            raise Refused(Code.TOKEN_REFUSED)
        return claims

    async def principal(self, authorization: str | None, address: str = "") -> Principal:
        """The principal of an Authorization header. Raises Refused: 401, 403 in a suspended organization."""
        found = await self._known(self.claims(authorization))
        if found is None:
            raise Refused(Code.TOKEN_REFUSED)
        return structs.replace(found, address=address)

    async def again(self, principal: Principal) -> Principal:
        """The same with the rights of this moment, for an answer that takes long. Raises Refused.

        Only the login or the program's token must still hold: an access token may expire meanwhile.
        """
        if principal.claims is None:
            raise Refused(Code.TOKEN_REFUSED)
        found = await self._known(principal.claims)
        if found is None:
            raise Refused(Code.TOKEN_REFUSED)
        return structs.replace(found, address=principal.address)

    async def _known(self, claims: Claims) -> Principal | None:
        """The principal, or None. Raises Refused for a suspended organization: 403."""
        async with self._engine.connect() as connection:
            if await logins.has_ended(connection, claims.organization_id, claims.family):
                return None
            cards = await load_rights_cards(connection, claims.organization_id, claims.agent_id)
        organization = cards.organization
        if organization is not None and organization.is_suspended:
            raise Refused(Code.ORGANIZATION_SUSPENDED)
        if claims.agent_id is not None:
            person = cards.person(claims.agent_id)
            return None if person is None else Principal(holder=person, claims=claims)
        if claims.expires_at is not None and self._clock.now() >= claims.expires_at:
            return None
        program = cards.program(claims.token_id or "", claims.issued_at)
        return None if program is None else Principal(holder=program, claims=claims)

    async def require(self, principal: Principal, action: Action, what: str) -> Reach:
        """How far the right goes. Raises Refused without the right, and records that."""
        found = principal.reach(action)
        if found is None:
            await self.refuse(principal, action, what)
        assert found is not None
        return found

    async def refuse(self, principal: Principal, action: Action, what: str) -> None:
        """Record a refusal, and refuse (P5, EC-73, EC-97). Raises Refused."""
        fact = AccessRefused(by=principal.name, action=str(action), what=what)
        await self.trail.refused(principal.organization_id, fact, principal.address)
        raise Refused(Code.FORBIDDEN)
