"""Operations of `ringback operator` on offices: create or admit one, reset an administrator, republish."""

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
from runtime.token_keys import SigningKeys
from services.directory.activities import (
    card_saving,
    organizations,
    outbox,
    ownership,
    passwords,
    program_tokens,
    second_factor,
)
from services.directory.activities.employees import Employees, replaced
from services.directory.activities.organizations import NotDone
from services.directory.activities.passwords import Passwords
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import generated_password
from services.directory.activities.tables import SAID
from services.directory.activities.unit_of_work import GONE, UnitOfWork
from services.directory.rules import employees as rules
from services.directory.rules import extensions, facts, naming
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

    The PBX and the number belong to it from now on. Raises RequestRefused, and NotDone for a number that
    another organization has.
    """
    password = generated_password()
    hash_ = await hasher.hash(password)
    organization = OrganizationCard(
        name=new.name,
        language=new.language,
        timezone=new.timezone,
        dialling=Dialling(home_region=new.region),
    )
    pbx_id = naming.latin(new.pbx_name)
    async with repository.database.begin() as connection:
        await organizations.begin(connection, new.organization_id, repository.now())
        await ownership.give(connection, new.organization_id, pbxs=[pbx_id], numbers=[new.number])
        unit = await UnitOfWork.begin(connection, new.organization_id, organization, repository.now())
        pbx = PbxCard(name=new.pbx_name, kind=PbxKind.CLOUD, numbers=(new.number,))
        card_saving.create(unit, Kind.PBX, pbx_id, new.pbx_name, pbx)
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
        await unit.close(organizations.WHO)
    return FirstLogin(login=shown.card.login, password=password)


async def admit(
    repository: Repository,
    organization_id: str,
    name: str | None,
    token_keys: SigningKeys,
    *,
    pbxs: Sequence[str] = (),
    numbers: Sequence[str] = (),
    is_dry_run: bool = False,
) -> str:
    """A token for saving a whole office; with a name also for an organization that does not exist yet.

    The PBXs and numbers belong to the organization from now on, except for a dry run. A new one begins with
    the first office that is saved; a refused office leaves nothing behind but them. Raises NotDone when the
    organization does not exist and no name was given, or another one has a number.
    """
    now_at = repository.now()
    async with repository.database.begin() as connection:
        is_there = await program_tokens.has_organization(connection, organization_id)
        if not is_there and name is None:
            raise NotDone(f"there is no organization {organization_id}: begin it with --name")
        await organizations.begin(connection, organization_id, now_at)
        await ownership.require_free(connection, organization_id, numbers)
        if not is_dry_run:
            await ownership.give(connection, organization_id, pbxs=pbxs, numbers=numbers)
        if not is_there:
            unit = UnitOfWork(connection, organization_id, now_at)
            return await program_tokens.promise(unit, token_keys)
        unit = await UnitOfWork.open(connection, organization_id, now_at)
        await unit.fetch(Kind.TOKEN, [program_tokens.OFFICE_FILES])
        signed, _ = await program_tokens.issue(
            unit, token_keys, program_tokens.OFFICE_FILES, program_tokens.FOR_OFFICE_FILES
        )
        await unit.say_what_differs([])
        await unit.close(organizations.WHO)
    return signed


async def reset_administrator(
    repository: Repository,
    hasher: Passwords,
    organization_id: str,
    login: str | None,
    *,
    takes_second_factor: bool = False,
) -> FirstLogin:
    """A one-time password for an administrator; every login of that administrator ends.

    Without a login it is the only administrator. The second factor stays, unless it is to be taken. Raises
    NotDone.
    """
    password = generated_password()
    hash_ = await hasher.hash(password)
    async with repository.database.begin() as connection:
        unit = await UnitOfWork.open(connection, organization_id, repository.now())
        known = {unit.office.employees[id_].login: id_ for id_ in rules.administrators(unit.office)}
        chosen = login or (next(iter(known)) if len(known) == 1 else None)
        if chosen not in known:
            raise NotDone(f"name an administrator with --login: {', '.join(sorted(known))}")
        agent_id = known[chosen]
        await passwords.set_hash(
            connection, organization_id, agent_id, hash_, is_one_time=True, now_at=unit.now_at
        )
        if takes_second_factor:
            await second_factor.take(connection, organization_id, agent_id)
            unit.note(replaced(agent_id, "second_factor"))
        unit.audit(organizations.WHO, "password", unit.current(Kind.EMPLOYEE, agent_id), None)
        await unit.close(organizations.WHO)
    return FirstLogin(login=chosen, password=password)


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
