"""Checks passwords that people choose: against common ones, and against what is known of the employee."""

import asyncio
from functools import cache

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.directory.activities.stored_cards import in_force, readable
from services.directory.activities.tables import CARDS
from services.directory.rules import passwords
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import EmployeeCard, EmployeeForm
from services.directory.state.office import Kind


async def require_uncommon(password: str, *, field: str) -> None:
    """Raise RequestRefused for a common password: this says nothing of any employee."""
    # The first call reads the list, for a moment.
    common = await asyncio.to_thread(_common)
    if passwords.is_common(password, common):
        raise RequestRefused(Problem(code=Code.PASSWORD_COMMON, field=field))


async def require_not_own(
    connection: AsyncConnection, organization_id: str, agent_id: str, password: str, *, field: str
) -> None:
    """Raise RequestRefused for a password made of the employee's login, name, address or organization."""
    query = select(CARDS).where(in_force(organization_id, Kind.EMPLOYEE), CARDS.c.id == agent_id)
    for row in readable((await connection.execute(query)).all()):
        assert isinstance(row.card, EmployeeCard)
        require_not_of(organization_id, row.card, row.card.login, password, field=field)


def require_not_of(
    organization_id: str, card: EmployeeForm, login: str | None, password: str, *, field: str
) -> None:
    """The same for a card that is at hand."""
    own = [organization_id, card.name, login or "", (card.email or "").partition("@")[0]]
    if passwords.is_own(password, own):
        raise RequestRefused(Problem(code=Code.PASSWORD_OWN, field=field))


@cache
def _common() -> frozenset[str]:
    # Here and not above: the lists take 15 MB, which the services beside the directory do not need.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])
