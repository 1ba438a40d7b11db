"""Operations of the command line: create or admit an organization, publish every fact again."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, select

from contracts import codec
from contracts.dialling import HOME_REGION
from contracts.directory import Language, OrganizationSaved, PbxKind, Role
from contracts.ids import Instant
from contracts.message import Fact
from runtime.ports import Outgoing
from services.directory.activities import card_saving, outbox, program_tokens
from services.directory.activities.employees import Employees
from services.directory.activities.passwords import Passwords
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import generated_password
from services.directory.activities.tables import SAID
from services.directory.activities.unit_of_work import GONE, UnitOfWork
from services.directory.rules import extensions, facts
from services.directory.rules.errors import RequestRefused
from services.directory.state.cards import (
    DepartmentCard,
    Dialling,
    EmployeeDraft,
    OrganizationCard,
    PbxCard,
    Who,
)
from services.directory.state.office import Kind

_SALES = {Language.RUSSIAN: "Отдел продаж", Language.ENGLISH: "Sales"}


class NewOrganization(Struct, frozen=True, kw_only=True):
    """What a new organization begins with: a cloud PBX with a number, and an administrator."""

    organization_id: str
    name: str
    language: Language
    timezone: str
    region: str
    pbx_name: str
    number: str
    administrator: str
    email: str | None = None


class FirstLogin(Struct, frozen=True, kw_only=True):
    """The first administrator's login; the password is shown only now."""

    login: str
    password: str


async def create(
    repository: Repository, employees: Employees, hasher: Passwords, new: NewOrganization
) -> FirstLogin:
    """A new organization with its PBX, administrator and department «Отдел продаж» (Q11).

    Raises RequestRefused.
    """
    password = generated_password()
    hash_ = await hasher.hash(password)
    organization = OrganizationCard(
        name=new.name,
        language=new.language,
        timezone=new.timezone,
        dialling=Dialling(home_region=new.region),
    )
    async with repository.database.begin() as connection:
        unit = await UnitOfWork.begin(connection, new.organization_id, organization, repository.now())
        pbx = PbxCard(name=new.pbx_name, kind=PbxKind.CLOUD, numbers=(new.number,))
        pbx_id = card_saving.create(unit, Kind.PBX, None, new.pbx_name, pbx).row.id
        draft = EmployeeDraft(name=new.administrator, pbx_id=pbx_id, role=Role.ADMINISTRATOR, email=new.email)
        shown = await employees.add(unit, draft, password, hash_)
        card_saving.checked(unit, Kind.ORGANIZATION, new.organization_id)
        department = DepartmentCard(
            name=_SALES[new.language],
            pbx_id=pbx_id,
            extension=extensions.free(unit.office, pbx_id),
            heads=(Who(agent_id=shown.id),) if new.email else (),
        )
        card_saving.create(unit, Kind.DEPARTMENT, "sales", "sales", department)
        await unit.close("bootstrap")
    return FirstLogin(login=shown.card.login, password=password)


async def admit(repository: Repository, organization_id: str, name: str | None, token_key: str) -> str:
    """A token for saving a whole office; with a name also for an organization that does not exist yet.

    A new organization begins with the first office that is saved; a refused office leaves nothing behind.
    Raises RequestRefused when the organization does not exist and no name was given.
    """
    async with repository.database.begin() as connection:
        try:
            unit = await UnitOfWork.open(connection, organization_id, repository.now())
        except RequestRefused:
            if name is None:
                raise
            unit = UnitOfWork(connection, organization_id, repository.now())
            return await program_tokens.promise(unit, token_key)
        await unit.fetch(Kind.TOKEN, [program_tokens.OFFICE_FILES])
        signed, _ = await program_tokens.issue(
            unit, token_key, program_tokens.OFFICE_FILES, program_tokens.FOR_OFFICE_FILES
        )
        await unit.close("bootstrap")
    return signed


async def republish(repository: Repository, organization_id: str | None = None) -> int:
    """Put the newest fact about every entity into the outbox again, and return their number.

    Readers drop the facts that they have. Speech is asked for every notice again: its answers tell how far
    each one is.
    """
    query = select(SAID).order_by(SAID.c.organization_id, SAID.c.type, SAID.c.subject)
    if organization_id is not None:
        query = query.where(SAID.c.organization_id == organization_id)
    async with repository.database.begin() as connection:
        rows = (await connection.execute(query)).all()
        records = [outbox.again(row, repository.now()) for row in rows]
        records += _renderings(rows, repository.now())
        await outbox.put(connection, records)
    return len(records)


def _renderings(rows: Sequence[Row[Any]], now_at: Instant) -> list[Outgoing]:
    """The requests to speech for all notices that still exist."""
    newest = [(row, codec.decode(row.type, row.value)) for row in rows if row.digest != GONE]
    regions = {
        row.organization_id: fact.dialling_policy.home_region
        for row, fact in newest
        if isinstance(fact, OrganizationSaved)
    }
    asked = []
    for row, fact in newest:
        assert isinstance(fact, Fact)
        command = facts.rendering(fact, regions.get(row.organization_id, HOME_REGION))
        if command is not None:
            cause = outbox.versioned_id(row.organization_id, fact, row.subject, row.version)
            asked.append(outbox.rendering(command, row.organization_id, now_at, cause=cause))
    return asked
