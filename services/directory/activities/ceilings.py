"""The operator's ceilings of an organization: shown, and changed with the facts that follow (C10)."""

from typing import Any

import msgspec
import phonenumbers
from msgspec import Struct, structs
from sqlalchemy import update

from services.directory.activities import grants, organizations
from services.directory.activities.organizations import NotDone
from services.directory.activities.repository import Repository
from services.directory.activities.tables import ORGANIZATIONS
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules import ceilings as rules
from services.directory.rules.ceilings import Excess
from services.directory.rules.errors import RequestRefused
from services.directory.state.ceilings import Ceilings


class Granted(Struct, frozen=True, kw_only=True):
    """Ceilings before and after a change, and what the organization's card wants beyond them."""

    before: Ceilings
    after: Ceilings
    clamped: tuple[Excess, ...]


async def change(repository: Repository, organization_id: str, changes: dict[str, Any]) -> Granted:
    """Change some ceilings, or none, and say what follows. Raises NotDone."""
    async with organizations.change(repository, organization_id) as connection:
        before = await grants.ceilings(connection, organization_id)
        after = _changed(before, changes)
        if after != before:
            its = ORGANIZATIONS.c.organization_id == organization_id
            kept = msgspec.json.encode(after).decode()
            values = {"ceilings": kept, "changed_at": repository.now()}
            await connection.execute(update(ORGANIZATIONS).where(its).values(**values))
        try:
            unit = await UnitOfWork.open(connection, organization_id, repository.now())
        except RequestRefused:  # its first office is not saved yet
            return Granted(before=before, after=after, clamped=())
        return Granted(before=before, after=after, clamped=tuple(rules.excesses(unit.office)))


def _changed(before: Ceilings, changes: dict[str, Any]) -> Ceilings:
    try:
        after = msgspec.convert({**structs.asdict(before), **changes}, Ceilings)
    except msgspec.ValidationError as error:
        raise NotDone(f"the ceilings can't be read: {error}") from error
    unknown = sorted(set(after.regions) - phonenumbers.SUPPORTED_REGIONS)
    if unknown:
        raise NotDone(f"there is no region {', '.join(unknown)}: two letters as in ISO 3166")
    return after
