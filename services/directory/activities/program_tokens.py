"""Signs and forgets programs' tokens, of which the database keeps digests."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import TokenSaved
from contracts.ids import DepartmentId, Instant, OrganizationId
from contracts.rights import Action
from runtime.security_events import SecurityEvent
from runtime.token_keys import SigningKeys
from runtime.tokens import Claims, TokenUse, sign
from services.directory.activities import audit_trail
from services.directory.activities.audit_trail import Noted
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.stored_cards import StoredCard
from services.directory.activities.tables import CARDS, PROGRAMS
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.state.cards import TokenCard
from services.directory.state.office import Kind

OFFICE_FILES: Final = "office-files"
"""The id of the token for saving whole offices that `admit` prints; each one replaces the one before."""
BY_OPERATOR: Final = "operator"
FOR_OFFICE_FILES: Final = TokenCard(
    name=OFFICE_FILES, actions=(Action.SETTINGS_READ, Action.SETTINGS_WRITE, Action.RULES_WRITE)
)
"""What it may do by itself. In an office file it also names administrators, as whoever runs the installation
says (`Principal.is_operators`)."""


async def issue(
    unit: UnitOfWork, keys: SigningKeys, token_id: str, card: TokenCard
) -> tuple[str, StoredCard]:
    """Sign a token and save its card; an earlier token with this id is no longer valid."""
    signed = await _sign(unit, keys, token_id, card.ends_at)
    unit.note(_made("", token_id, card))
    return signed, await put(unit, token_id, card)


async def promise(unit: UnitOfWork, keys: SigningKeys) -> str:
    """Sign a token for the first office file of an organization that does not exist yet.

    Only its digest is saved: the organization and the token's card begin with the office that it saves.
    """
    made = _made(BY_OPERATOR, OFFICE_FILES, FOR_OFFICE_FILES)
    await audit_trail.note(unit.connection, unit.organization_id, unit.now_at, made)
    return await _sign(unit, keys, OFFICE_FILES, None)


def _made(who: str, token_id: str, card: TokenCard) -> Noted:
    actions = [str(action) for action in card.actions]
    details = {"actions": actions}
    return Noted(event=SecurityEvent.TOKEN_MADE, actor=who, subject=f"token/{token_id}", details=details)


async def put(unit: UnitOfWork, token_id: str, card: TokenCard) -> StoredCard:
    """Save a token's card, and tell other services."""
    row = unit.put(Kind.TOKEN, token_id, card)
    issued_at = (
        await unit.connection.execute(select(PROGRAMS.c.issued_at).where(_its(unit, token_id)))
    ).scalar_one()
    await unit.say_single(token_saved(token_id, card, Instant(issued_at)))
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


async def _sign(unit: UnitOfWork, keys: SigningKeys, token_id: str, ends_at: int | None) -> str:
    query = select(PROGRAMS.c.issued_at).where(_its(unit, token_id))
    before = (await unit.connection.execute(query)).scalar()
    claims = Claims(
        organization_id=OrganizationId(unit.organization_id),
        use=TokenUse.PROGRAM,
        token_id=token_id,
        # Later than the one before, which other services refuse by this.
        issued_at=Instant(max(unit.now_at, (before or 0) + 1)),
        expires_at=None if ends_at is None else Instant(ends_at),
    )
    signed = sign(claims, keys)
    await forget(unit, token_id)
    values = {
        "organization_id": unit.organization_id,
        "token_id": token_id,
        "digest": digest(signed),
        "kid": keys.signing.kid,
        "issued_at": claims.issued_at,
    }
    await unit.connection.execute(insert(PROGRAMS).values(**values))
    return signed


async def forget(unit: UnitOfWork, token_id: str) -> None:
    """Delete a token's digest: it is no longer valid."""
    await unit.connection.execute(delete(PROGRAMS).where(_its(unit, token_id)))


async def note_use(connection: AsyncConnection, known: Row[Any], now_at: Instant) -> None:
    """Write when a token was used, unless another request has meanwhile, or the token was made anew."""
    where = (PROGRAMS.c.organization_id == known.organization_id) & (PROGRAMS.c.token_id == known.token_id)
    same = (PROGRAMS.c.digest == known.digest) & PROGRAMS.c.last_used_at.is_not_distinct_from(
        known.last_used_at
    )
    await connection.execute(update(PROGRAMS).where(where, same).values(last_used_at=now_at))


def _its(unit: UnitOfWork, token_id: str) -> ColumnElement[bool]:
    return (PROGRAMS.c.organization_id == unit.organization_id) & (PROGRAMS.c.token_id == token_id)


def token_saved(token_id: str, card: TokenCard, issued_at: Instant) -> TokenSaved:
    """The fact about a token."""
    return TokenSaved(
        token_id=token_id,
        version=0,
        name=card.name,
        actions=tuple(str(action) for action in card.actions),
        department_ids=tuple(map(DepartmentId, card.department_ids)),
        issued_at=issued_at,
    )
