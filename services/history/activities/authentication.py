"""Whose token it is, and what it may do: an employee by rights, a program by its actions (P1 to P6)."""

from collections.abc import Callable
from typing import Final

import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import rights
from contracts.history import AccessRefused
from contracts.ids import AgentId, OrganizationId
from contracts.rights import Action, Person, Reach
from runtime.edge import NotSaid, Say
from runtime.ports import Clock
from runtime.tokens import Claims, TokenRefused, TokenUse, verify
from services.history.activities import logins
from services.history.activities.repository import load_rights_cards
from services.history.rules.errors import Code, Refused

BEARER: Final = "Bearer "
SOURCE: Final = "history"
_log = structlog.get_logger()


class Principal(Struct, frozen=True, kw_only=True):
    """The holder of a valid token: a person, or a program whose `actions` reach the whole organization."""

    organization_id: OrganizationId
    person: Person | None = None
    token_id: str | None = None
    actions: frozenset[Action] = frozenset()

    @property
    def name(self) -> str:
        """How a recorded refusal names the principal."""
        return f"agent/{self.person.agent_id}" if self.person is not None else f"token/{self.token_id}"

    @property
    def agent_id(self) -> AgentId | None:
        """The employee, or None for a program."""
        return None if self.person is None else self.person.agent_id

    def reach(self, action: Action) -> Reach | None:
        """How far the right goes; None without the right."""
        if self.person is not None:
            return rights.reach(self.person, action)
        return Reach.ORGANIZATION if action in self.actions else None


class Authentication:
    """Verifies tokens, looks rights up, and records refusals."""

    def __init__(
        self, engine: AsyncEngine, say: Say, clock: Clock, key: str, tokens: Callable[[], str]
    ) -> None:
        self._engine = engine
        self._say = say
        self._clock = clock
        self._key = key
        self._tokens = tokens

    async def principal(self, authorization: str | None) -> Principal:
        """The principal of an Authorization header. Raises Refused: 401."""
        if authorization is None or not authorization.startswith(BEARER):
            raise Refused(Code.TOKEN_MISSING)
        try:
            claims = verify(authorization.removeprefix(BEARER), self._key, self._clock.now())
        except TokenRefused as error:
            raise Refused(Code.TOKEN_REFUSED) from error
        if claims.use not in (TokenUse.ACCESS, TokenUse.PROGRAM):
            raise Refused(Code.TOKEN_REFUSED)
        found = await self._known(claims)
        if found is None:
            raise Refused(Code.TOKEN_REFUSED)
        return found

    async def _known(self, claims: Claims) -> Principal | None:
        async with self._engine.connect() as connection:
            if await logins.has_ended(connection, claims.organization_id, claims.family):
                return None
            cards = await load_rights_cards(connection, claims.organization_id, claims.agent_id)
        if claims.agent_id is not None:
            person = cards.person(claims.agent_id)
            return (
                None if person is None else Principal(organization_id=claims.organization_id, person=person)
            )
        token = cards.token(claims.token_id or "")
        if token is None or token.is_revoked:
            return None
        actions = frozenset(Action(each) for each in token.actions if each in set(Action))
        return Principal(organization_id=claims.organization_id, token_id=claims.token_id, actions=actions)

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
        try:
            await self._say(
                (fact,), organization_id=principal.organization_id, source=SOURCE, cause=self._tokens()
            )
        except NotSaid as error:
            # The request is refused all the same; only this line shows that the refusal was not recorded.
            _log.warning(
                "a refusal was not recorded", by=principal.name, action=str(action), error=str(error)
            )
        raise Refused(Code.FORBIDDEN)
