"""Signs and forgets programs' tokens, of which the database keeps digests."""

from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import TokenSaved
from contracts.ids import OrganizationId
from contracts.rights import Action
from runtime.tokens import Claims, TokenUse, sign
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.tables import CARDS, PROGRAMS
from services.directory.activities.unit_of_work import StoredCard, UnitOfWork
from services.directory.state.cards import TokenCard
from services.directory.state.office import Kind

OFFICE_FILES: Final = "office-files"
"""The id of the token for saving whole offices that `admit` prints; each one replaces the one before."""
FOR_OFFICE_FILES: Final = TokenCard(
    name=OFFICE_FILES, actions=(Action.SETTINGS_READ, Action.SETTINGS_WRITE, Action.RULES_WRITE)
)


async def issue(unit: UnitOfWork, key: str, token_id: str, card: TokenCard) -> tuple[str, StoredCard]:
    """Sign a token and save its card; an earlier token with this id is no longer valid."""
    signed = await _sign(unit, key, token_id)
    return signed, await put(unit, token_id, card)


async def promise(unit: UnitOfWork, key: str) -> str:
    """Sign a token for the first office file of an organization that does not exist yet.

    Only its digest is saved: the organization and the token's card begin with the office that it saves.
    """
    return await _sign(unit, key, OFFICE_FILES)


async def put(unit: UnitOfWork, token_id: str, card: TokenCard) -> StoredCard:
    """Save a token's card, and tell other services."""
    row = unit.put(Kind.TOKEN, token_id, card)
    await unit.say_single(token_saved(token_id, card))
    return row


async def has_organization(connection: AsyncConnection, organization_id: str) -> bool:
    """Whether the organization exists."""
    query = select(CARDS.c.id).where(
        CARDS.c.organization_id == organization_id, CARDS.c.kind == Kind.ORGANIZATION.value
    )
    return (await connection.execute(query)).first() is not None


async def lock(connection: AsyncConnection, organization_id: str) -> None:
    """Lock the promised token's row, so that only one request begins the organization."""
    where = (PROGRAMS.c.organization_id == organization_id) & (PROGRAMS.c.token_id == OFFICE_FILES)
    await connection.execute(select(PROGRAMS.c.digest).where(where).with_for_update())


async def _sign(unit: UnitOfWork, key: str, token_id: str) -> str:
    claims = Claims(
        organization_id=OrganizationId(unit.organization_id),
        use=TokenUse.PROGRAM,
        token_id=token_id,
        issued_at=unit.now_at,
    )
    signed = sign(claims, key)
    await forget(unit, token_id)
    its = {"organization_id": unit.organization_id, "token_id": token_id}
    await unit.connection.execute(insert(PROGRAMS).values(**its, digest=digest(signed)))
    return signed


async def forget(unit: UnitOfWork, token_id: str) -> None:
    """Delete a token's digest: it is no longer valid."""
    where = (PROGRAMS.c.organization_id == unit.organization_id) & (PROGRAMS.c.token_id == token_id)
    await unit.connection.execute(delete(PROGRAMS).where(where))


def token_saved(token_id: str, card: TokenCard) -> TokenSaved:
    """The fact about a token."""
    actions = tuple(str(action) for action in card.actions)
    return TokenSaved(token_id=token_id, version=0, name=card.name, actions=actions)
