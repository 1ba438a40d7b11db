"""What stands between the first proof of a person and a login: a code, or setting up a second factor.

`Sessions.begin` asks here unless it is told that the second factor was given, so that no way of signing in
leads around it.
"""

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import AgentId, Instant, OrganizationId
from runtime.token_keys import KeyHolder, SigningKeys
from runtime.tokens import Claims, TokenUse, sign
from services.directory.activities import passwords, second_factor
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.stored_cards import in_force, stored_card
from services.directory.activities.tables import CARDS
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import OrganizationCard
from services.directory.state.office import Kind
from services.directory.state.responses import Opened

CODE_MS: Final = 5 * 60_000
"""How long a person has to find the phone and to type a code."""
SETUP_MS: Final = 15 * 60_000
"""How long a person has to set up a second factor: an authenticator app may have to be installed first."""


class SecondStep:
    """Says what is still missing for a login, by a token for it that ends with the person's password."""

    def __init__(self, token_keys: KeyHolder[SigningKeys]) -> None:
        self._keys = token_keys

    async def missing(
        self, connection: AsyncConnection, organization_id: str, agent_id: str, now_at: Instant, device: str
    ) -> Opened | None:
        """A token for giving a code, or for setting up a second factor; None: nothing is missing.

        It has the device that the first step named: the login is on that one, if it is known by then.
        """
        if await second_factor.is_active(connection, organization_id, agent_id):
            use, lasts_ms = TokenUse.SECOND_FACTOR, CODE_MS
        elif await is_required(connection, organization_id):
            use, lasts_ms = TokenUse.SECOND_FACTOR_SETUP, SETUP_MS
        else:
            return None
        claims = Claims(
            organization_id=OrganizationId(organization_id),
            use=use,
            agent_id=AgentId(agent_id),
            bound_to=await _bound_to(connection, organization_id, agent_id),
            device=device,
            issued_at=now_at,
            expires_at=Instant(now_at + lasts_ms),
        )
        signed = sign(claims, self._keys.current)
        if use is TokenUse.SECOND_FACTOR:
            return Opened(second_factor=signed, expires_in_s=lasts_ms // 1000)
        return Opened(second_factor_setup=signed, expires_in_s=lasts_ms // 1000)


async def require_bound(connection: AsyncConnection, claims: Claims) -> None:
    """Raises RequestRefused once the password is another than when the token was made, or the person gone."""
    found = await _bound_to(connection, claims.organization_id, str(claims.agent_id))
    if not found or claims.bound_to != found:
        raise RequestRefused(Problem(code=Code.TOKEN_REFUSED))


async def require_one(connection: AsyncConnection, organization_id: str, agent_id: str) -> None:
    """Raises RequestRefused where the organization requires a second factor that the person does not have."""
    if await is_required(connection, organization_id) and not await second_factor.is_active(
        connection, organization_id, agent_id
    ):
        raise RequestRefused(Problem(code=Code.SECOND_FACTOR_SETUP_NEEDED))


async def is_required(connection: AsyncConnection, organization_id: str) -> bool:
    """Whether the organization's people sign in with a second factor only."""
    query = select(CARDS).where(in_force(organization_id, Kind.ORGANIZATION), CARDS.c.id == organization_id)
    found = (await connection.execute(query)).first()
    if found is None:
        return False
    card = stored_card(found).card
    assert isinstance(card, OrganizationCard)
    return card.requires_second_factor


async def _bound_to(connection: AsyncConnection, organization_id: str, agent_id: str) -> str:
    """A digest of the hash of the person's password; its salt keeps it from being guessed."""
    secret = await passwords.found(connection, organization_id, agent_id)
    return "" if secret is None else digest(secret[0])
