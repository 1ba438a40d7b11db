"""Tokens of programs: the book keeps a digest, and shows the token itself this once."""

from typing import Final

from sqlalchemy import delete, insert

from contracts.directory import TokenSaved
from contracts.ids import OrganizationId
from contracts.rights import Action
from runtime.tokens import Claims, TokenUse, sign
from services.directory.activities.page import Page, Row
from services.directory.activities.tables import PROGRAMS
from services.directory.activities.vault import digest
from services.directory.state.cards import TokenCard
from services.directory.state.office import Kind

OFFICE_FILES: Final = "office-files"
"""The one token that a shell gives for saving whole offices: the next one takes its place."""
FOR_OFFICE_FILES: Final = TokenCard(
    name=OFFICE_FILES, actions=(Action.SETTINGS_READ, Action.SETTINGS_WRITE, Action.RULES_WRITE)
)


async def issue(page: Page, key: str, token_id: str, card: TokenCard) -> tuple[str, Row]:
    """A program's token and its row; an earlier one of the same id is good no longer."""
    claims = Claims(
        organization_id=OrganizationId(page.organization_id),
        use=TokenUse.PROGRAM,
        token_id=token_id,
        issued_at=page.now_at,
    )
    signed = sign(claims, key)
    await take(page, token_id)
    its = {"organization_id": page.organization_id, "token_id": token_id}
    await page.connection.execute(insert(PROGRAMS).values(**its, digest=digest(signed)))
    row = page.put(Kind.TOKEN, token_id, card)
    await page.say_single(saved(token_id, card))
    return signed, row


async def take(page: Page, token_id: str) -> None:
    """A token is good no longer."""
    where = (PROGRAMS.c.organization_id == page.organization_id) & (PROGRAMS.c.token_id == token_id)
    await page.connection.execute(delete(PROGRAMS).where(where))


def saved(token_id: str, card: TokenCard) -> TokenSaved:
    """A token as other services hear of it."""
    actions = tuple(str(action) for action in card.actions)
    return TokenSaved(token_id=token_id, version=0, name=card.name, actions=actions)
