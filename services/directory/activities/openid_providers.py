"""The provider of identities of each organization, which the operator alone names (decision 0040)."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import Role
from runtime import urls
from services.directory.activities import openid_roles, organizations, passwords, stored_cards
from services.directory.activities.database import upsert
from services.directory.activities.openid_http import ADDRESS_LENGTH_MAX
from services.directory.activities.openid_roles import RoleMapping
from services.directory.activities.organizations import NotDone
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.activities.tables import CARDS, IDENTITIES, IDENTITY_PROVIDERS
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Kind

ISSUER_LENGTH_MAX: Final = 300
CLIENT_ID_LENGTH_MAX: Final = 255
SECRET_LENGTH_MAX: Final = 1_000
REDIRECTS_MAX: Final = 10


class Provider(Struct, frozen=True, kw_only=True):
    """What the operator has named. `sealed_client_secret` is opened for an exchange only."""

    issuer: str
    client_id: str
    sealed_client_secret: str
    redirects: tuple[str, ...]
    is_only: bool = False
    break_glass_agent_id: str | None = None
    role_mapping: RoleMapping | None = None


class Shown(Struct, frozen=True, kw_only=True):
    """A provider and how many people it knows."""

    provider: Provider
    employees: int
    linked: int


class NewProvider(Struct, frozen=True, kw_only=True):
    """What the operator names. `break_glass` is a login; with it passwords open no other one.

    Without `role_mapping` roles are those on the cards.
    """

    issuer: str
    client_id: str
    client_secret: str
    redirects: tuple[str, ...]
    break_glass: str | None = None
    role_mapping: RoleMapping | None = None


async def found(connection: AsyncConnection, organization_id: str) -> Provider | None:
    """An organization's provider, or None."""
    where = IDENTITY_PROVIDERS.c.organization_id == organization_id
    row = (await connection.execute(select(IDENTITY_PROVIDERS).where(where))).first()
    if row is None:
        return None
    return Provider(
        issuer=row.issuer,
        client_id=row.client_id,
        sealed_client_secret=row.sealed_client_secret,
        redirects=msgspec.json.decode(row.redirects, type=tuple[str, ...]),
        is_only=row.is_only,
        break_glass_agent_id=row.break_glass_agent_id,
        role_mapping=openid_roles.decoded(row.role_mapping),
    )


async def save(repository: Repository, secrets: SecretBox, organization_id: str, new: NewProvider) -> None:
    """Name an organization's provider; with another issuer the links end. Raises NotDone."""
    _require_usable(new)
    async with organizations.change(repository, organization_id) as connection:
        await stored_cards.lock(connection, organization_id)
        agent_id = None
        if new.break_glass is not None:
            agent_id = await _administrator(connection, organization_id, new.break_glass)
        values = {
            "issuer": new.issuer,
            "client_id": new.client_id,
            "sealed_client_secret": secrets.seal(new.client_secret),
            "redirects": msgspec.json.encode(new.redirects).decode(),
            "is_only": new.break_glass is not None,
            "break_glass_agent_id": agent_id,
            "changed_at": repository.now(),
            "role_mapping": openid_roles.encoded(new.role_mapping),
        }
        made = upsert(connection, IDENTITY_PROVIDERS).values(organization_id=organization_id, **values)
        await connection.execute(made.on_conflict_do_update(index_elements=["organization_id"], set_=values))
        # A subject means somebody at its own issuer only.
        others = (IDENTITIES.c.organization_id == organization_id) & (IDENTITIES.c.issuer != new.issuer)
        await connection.execute(delete(IDENTITIES).where(others))


def _require_usable(new: NewProvider) -> None:
    limits = {
        "--issuer": (new.issuer, ISSUER_LENGTH_MAX),
        "--client-id": (new.client_id, CLIENT_ID_LENGTH_MAX),
        "--client-secret-file": (new.client_secret, SECRET_LENGTH_MAX),
        **{f"--redirect {each}": (each, ADDRESS_LENGTH_MAX) for each in new.redirects},
    }
    for option, (text, length_max) in limits.items():
        if not text.strip() or len(text) > length_max or not text.isascii() or not text.isprintable():
            raise NotDone(f"{option}: it must be one line of 1 to {length_max} characters of ASCII")
    if new.role_mapping is not None:
        openid_roles.require_usable(new.role_mapping)
    if not 1 <= len(new.redirects) <= REDIRECTS_MAX:
        raise NotDone(f"--redirect: name 1 to {REDIRECTS_MAX} addresses of the console")
    for option, address in [("--issuer", new.issuer), *(("--redirect", each) for each in new.redirects)]:
        try:
            parts = urls.private(address)
        except urls.Unusable as error:
            raise NotDone(f"{option} {address}: {error}") from error
        if option == "--issuer" and parts.query:
            raise NotDone(f"{option} {address}: an issuer's address has no part behind ?")


async def _administrator(connection: AsyncConnection, organization_id: str, login: str) -> str:
    for row in await _employees(connection, organization_id):
        assert isinstance(row.card, EmployeeCard)
        if row.card.login == login and row.card.role is Role.ADMINISTRATOR:
            secret = await passwords.found(connection, organization_id, row.id)
            if secret is None or secret[0] == passwords.NEVER_RIGHT or secret[1]:
                raise NotDone(f"--only {login}: this administrator has not chosen a password")
            return row.id
    raise NotDone(f"--only {login}: there is no administrator with this login")


async def _employees(connection: AsyncConnection, organization_id: str) -> list[stored_cards.StoredCard]:
    query = select(CARDS).where(stored_cards.in_force(organization_id, Kind.EMPLOYEE))
    rows: Sequence[object] = (await connection.execute(query)).all()
    return list(stored_cards.readable(rows))


async def shown(repository: Repository, organization_id: str) -> Shown:
    """An organization's provider and its people. Raises NotDone when it has none."""
    async with repository.database.begin() as connection:
        provider = await found(connection, organization_id)
        if provider is None:
            raise NotDone(f"the organization {organization_id} has no identity provider")
        employees = {row.id: row.card for row in await _employees(connection, organization_id)}
        query = select(IDENTITIES.c.agent_id).where(IDENTITIES.c.organization_id == organization_id)
        linked = set((await connection.execute(query)).scalars())
    return Shown(
        provider=provider,
        employees=len(employees),
        linked=len(linked & set(employees)),
    )


async def remove(repository: Repository, organization_id: str) -> None:
    """Take an organization's provider away, with every link. Raises NotDone when it has none."""
    async with organizations.change(repository, organization_id) as connection:
        await stored_cards.lock(connection, organization_id)
        where = IDENTITY_PROVIDERS.c.organization_id == organization_id
        gone = await connection.execute(delete(IDENTITY_PROVIDERS).where(where))
        if not gone.rowcount:
            raise NotDone(f"the organization {organization_id} has no identity provider")
        await connection.execute(delete(IDENTITIES).where(IDENTITIES.c.organization_id == organization_id))
