"""A new log after the old one was lost: the rows stay, and say what stood open and what was cut off.

An operator's program does this while no service runs; see docs/operating/disasters.md.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Self

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.callback import Origin
from contracts.gateway import EndedBy, LegEnded, Outcome
from contracts.ids import CallbackId, DepartmentId, Instant, OrganizationId, PlaceId
from contracts.message import Fact
from contracts.queue import PlaceAbandoned
from services.history import state
from services.history.activities import figure_cells, tables
from services.history.activities.database import migrate
from services.history.activities.repository import load_cache, write_batch
from services.history.rules import contact_projection
from services.history.rules.kept_contacts import KeptContacts
from services.history.rules.projection_batch import ProjectionBatch, read_contact
from services.history.state import Contact

CONTACTS_AT_ONCE: Final = 200
"""Documents of a few kilobytes each."""
BEFORE_THE_LOG: Final = -1
CUT_OFF: Final = "log_lost"
DIALLED: Final = ("customer_dialled", "apology_dialled")
"""Steps of a callback's story that have named a leg."""


class OpenCallback(msgspec.Struct, frozen=True, kw_only=True):
    """A callback that was promised and has not ended."""

    organization_id: OrganizationId
    callback_id: CallbackId
    place_id: PlaceId
    department_id: DepartmentId
    number: str
    joined_at: Instant
    origin: Origin
    was_dialled: bool = False

    def renamed(self, mark: str) -> Self:
        """The same promise on another log, which `mark` names; renamed again it stays as it is.

        Ids of offers and legs derive from these, and those of the lost log are in the tables. Who ordered a
        callback by the API may know its id: it changes only if it has named a leg.
        """
        ids = {"place_id": marked(self.place_id, mark)}
        if self.was_dialled:
            ids["callback_id"] = marked(self.callback_id, mark)
        return msgspec.structs.replace(self, **ids)


def marked(id_: str, mark: str) -> str:
    """An id with the mark of a log at its end, once."""
    return id_ if id_.endswith(f"@{mark}") else f"{id_}@{mark}"


class OpenPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A caller who waited on the line; `number` is empty for a withheld one."""

    organization_id: OrganizationId
    place_id: PlaceId
    department_id: DepartmentId
    number: str
    joined_at: Instant


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the tables say was under way."""

    callbacks: tuple[OpenCallback, ...]
    places: tuple[OpenPlace, ...]


async def standing(engine: AsyncEngine) -> Standing:
    """What was under way when the log was lost, after the tables have this version's shape."""
    await migrate(engine)
    callbacks: list[OpenCallback] = []
    places: list[OpenPlace] = []
    async with engine.connect() as connection:
        for organization_id, contact_ids in (await _open_contacts(connection)).items():
            for contact in await _contacts(connection, organization_id, contact_ids):
                callbacks += _callbacks(contact)
                places += _places(contact)
    return Standing(callbacks=tuple(callbacks), places=tuple(places))


async def ended(
    engine: AsyncEngine, organization_id: OrganizationId, *, callbacks: Iterable[str], places: Iterable[str]
) -> frozenset[str]:
    """Those of these callbacks and places that have ended, by the tables."""
    found: set[str] = set()
    async with engine.connect() as connection:
        for table, key, ids in (
            (tables.callbacks, tables.callbacks.c.callback_id, callbacks),
            (tables.places, tables.places.c.place_id, places),
        ):
            query = select(key).where(
                table.c.organization_id == organization_id, key.in_(list(ids)), table.c.ended_at.is_not(None)
            )
            found.update(await connection.scalars(query))
    return frozenset(found)


async def adopt(engine: AsyncEngine, log_ids: Mapping[int, str], *, mark: str, at: Instant) -> None:
    """Let the tables belong to another log, from its beginning.

    Calls that were under way are ended at `at`. Callbacks stay open: they are asked for again, renamed by
    `mark`, so that their rows go on.
    """
    async with engine.begin() as connection:
        for organization_id, contact_ids in (await _open_contacts(connection)).items():
            await _end(connection, organization_id, contact_ids, mark, at)
        await _make_room(connection)
        for table in (tables.heard, tables.early, tables.positions):
            await connection.execute(delete(table))
        for partition, log_id in log_ids.items():
            row = {"partition": partition, "log_id": log_id, "next_offset": 0, "now_at": at}
            await connection.execute(insert(tables.positions).values(row))


async def _make_room(connection: AsyncConnection) -> None:
    """Offsets begin anew, and some rows have theirs in their key: the old ones go below zero, in order."""
    for table in (tables.refusals, tables.agent_changes, tables.live_rows):
        highest = (await connection.execute(select(func.max(table.c.offset)))).scalar()
        if highest is not None and highest >= 0:
            await connection.execute(update(table).values(offset=table.c.offset - (highest + 1)))
    begun = {"version": -1, "rights_version": -1, "forgotten": -1}
    await connection.execute(update(tables.live_versions).values(**begun))


async def _open_contacts(connection: AsyncConnection) -> dict[OrganizationId, list[str]]:
    table = tables.contacts
    query = select(table.c.organization_id, table.c.contact_id).where(table.c.ended_at.is_(None))
    found: dict[OrganizationId, list[str]] = {}
    for organization_id, contact_id in await connection.execute(query):
        found.setdefault(OrganizationId(organization_id), []).append(str(contact_id))
    return found


async def _contacts(
    connection: AsyncConnection, organization_id: OrganizationId, contact_ids: list[str]
) -> list[Contact]:
    table = tables.contacts
    found: list[Contact] = []
    for first in range(0, len(contact_ids), CONTACTS_AT_ONCE):
        query = select(table.c.document).where(
            table.c.organization_id == organization_id,
            table.c.contact_id.in_(contact_ids[first : first + CONTACTS_AT_ONCE]),
        )
        found += [state.decoded(document) for document in await connection.scalars(query)]
    return found


def _callbacks(contact: Contact) -> list[OpenCallback]:
    return [
        OpenCallback(
            organization_id=contact.organization_id,
            callback_id=each.callback_id,
            place_id=each.place_id,
            department_id=DepartmentId(each.department.department_id),
            number=each.number,
            joined_at=each.joined_at,
            origin=Origin(each.origin),
            was_dialled=any(step.what in DIALLED for step in each.story),
        )
        for each in contact.callbacks
        if each.ended_at is None and each.is_ordered and not contact.is_erased
    ]


def _places(contact: Contact) -> list[OpenPlace]:
    held = {each.place_id for each in contact.callbacks}
    return [
        OpenPlace(
            organization_id=contact.organization_id,
            place_id=each.place_id,
            department_id=DepartmentId(each.department.department_id),
            number=contact.number or "",
            joined_at=each.joined_at,
        )
        for each in contact.places
        if each.ended_at is None and each.place_id not in held
    ]


async def _end(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    contact_ids: list[str],
    mark: str,
    at: Instant,
) -> None:
    """End the calls among these contacts, and rename the callbacks that go on."""
    cache = await load_cache(connection, organization_id)
    cards = cache.cards
    batch = ProjectionBatch(organization_id, cards, {})
    for contact in await _contacts(connection, organization_id, contact_ids):
        batch.know(read_contact(contact))
        for fact in _ends(contact, at):
            contact_projection.apply(contact, fact, at, cards)
        if contact.ended_at is not None:
            contact.end_reason = contact.end_reason or CUT_OFF
        for each in _callbacks(contact):
            _rename(contact, each, mark)
        batch.live.show(contact, at=at, offset=BEFORE_THE_LOG)
        batch.changed_contacts[contact.contact_id] = None
    await write_batch(connection, batch, cache, KeptContacts(), now_at=at)
    await figure_cells.mark(connection, organization_id, batch.heard)


def _rename(contact: Contact, promised: OpenCallback, mark: str) -> None:
    to = promised.renamed(mark)
    callback, place = contact.callback(promised.callback_id), contact.place(promised.place_id)
    assert callback is not None
    callback.callback_id, callback.place_id = to.callback_id, to.place_id
    if place is not None and place.ended_at is None:
        place.place_id = to.place_id


def _ends(contact: Contact, at: Instant) -> list[Fact]:
    """The facts that would have ended a call's places and legs, had they come."""
    places: list[Fact] = [
        PlaceAbandoned(place_id=each.place_id, waited_ms=max(0, at - each.joined_at))
        for each in _places(contact)
    ]
    return places + [
        LegEnded(pbx_id=contact.pbx_id, leg_id=each.leg_id, outcome=Outcome.FAILED, by=EndedBy.NETWORK)
        for each in contact.legs
        if each.ended_at is None
    ]
