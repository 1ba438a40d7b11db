"""Logs for history: whole mornings of the simulation, with what people do with voice messages added."""

import functools
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import codec
from contracts.codec import Envelope
from contracts.history import (
    AccessRefused,
    CustomerErased,
    MessageClaimed,
    MessageDeleted,
    MessageHeard,
    MessageRemoved,
)
from contracts.ids import AgentId, OrganizationId
from contracts.message import Fact, type_name
from contracts.voicemail import MessageStored
from runtime.ports import LogRecord
from services.history.activities import tables
from tests.sim.world import CALM, STORMY, simulate


@functools.cache
def morning(seed: int, *, is_stormy: bool = True) -> tuple[LogRecord, ...]:
    """The records of a simulated morning, and then people: messages heard, claimed, deleted, erased."""
    # The simulation brings a loop of its own, and leaves its thread without one.
    with ThreadPoolExecutor(1) as apart:
        run = apart.submit(simulate, seed, STORMY if is_stormy else CALM).result()
    found = [record(each.offset, each.at, each.envelope, each.fact) for each in run.facts]
    organization_id = next(
        each.envelope.organization_id for each in run.facts if each.envelope.organization_id
    )
    chance = random.Random(seed)
    numbers = sorted(
        {each.fact.number for each in run.facts if hasattr(each.fact, "number") and each.fact.number}
    )
    late = list(_people([each.fact for each in run.facts], numbers, chance))
    for number, fact in enumerate(late, start=len(found)):
        envelope = Envelope(
            id=f"history/{number}", type=type_name(fact), source="history", organization_id=organization_id
        )
        found.append(record(number, run.facts[-1].at + number, envelope, fact))
    return tuple(found)


def _people(facts: list[Fact], numbers: list[str], chance: random.Random) -> Iterable[Fact]:
    for fact in facts:
        if not isinstance(fact, MessageStored):
            continue
        id_ = fact.voice_message_id
        yield MessageHeard(voice_message_id=id_, by=AgentId("a0"))
        yield MessageClaimed(voice_message_id=id_, by=AgentId("a0"))
        yield MessageClaimed(voice_message_id=id_, by=AgentId("a1"))
        if chance.random() < 0.5:
            yield MessageDeleted(voice_message_id=id_, by=AgentId("a1"))
        if chance.random() < 0.5:
            yield MessageRemoved(voice_message_id=id_, reason="retention")
    yield AccessRefused(by="a1", action="message.hear", what="vm.unknown")
    if numbers:
        yield CustomerErased(number=chance.choice(numbers))


def record(offset: int, at: int, envelope: Envelope, fact: Fact) -> LogRecord:
    """A fact as the log has it."""
    return LogRecord(0, offset, at, tuple(codec.headers(envelope)), codec.encode(fact))


def said(offset: int, at: int, fact: Fact, organization_id: str = "north") -> LogRecord:
    """A fact of a source that is not numbered."""
    envelope = Envelope(
        id=f"test/{offset}",
        type=type_name(fact),
        source="test",
        organization_id=OrganizationId(organization_id),
    )
    return record(offset, at, envelope, fact)


async def everything(engine: AsyncEngine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in an order that does not depend on how it was written."""
    found = {}
    async with engine.connect() as connection:
        for table in tables.METADATA.sorted_tables:
            listed = (await connection.execute(select(table))).all()
            found[table.name] = sorted((tuple(row) for row in listed), key=repr)
    return found
