"""`operator adopt-log` on a morning that breaks off: every promise stands on the new log."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import codec
from contracts.callback import CallbackOrdered, Origin
from contracts.directory import CallbackAsked
from contracts.ids import PlaceId
from contracts.message import Fact, type_name
from contracts.queue import PlaceTaken
from contracts.topics import FACTS
from ringback import log as facts_log
from ringback.operator import adoption
from ringback.operator.installation import Installation
from ringback.operator.kept import Keeper
from runtime.decision import Decider
from runtime.host.held import HostPorts, Options
from runtime.host.owner import Owner
from runtime.memory import MemoryBlobs, MemoryClock, MemoryLog, MemoryStore, counting_tokens
from runtime.ports import LogRecord, Outgoing
from services.callback.service import SERVICE as CALLBACK
from services.directory.activities import outbox
from services.directory.activities.organizations import NotDone
from services.directory.activities.tables import OUTBOX
from services.directory.settings import Settings
from services.history.activities import adoption as history_adoption
from services.history.activities import database
from services.history.activities.projector import PartitionWriter
from services.queue.service import SERVICE as QUEUE
from tests.integration.history.logs import morning

PREFIX = "town"
SEED = 7
F = TypeVar("F", bound=Fact)


class Town:
    """One installation in memory: a log, what each decider keeps, a bucket."""

    def __init__(self, records: tuple[LogRecord, ...] = ()) -> None:
        self.log = MemoryLog(MemoryClock(records[-1].at if records else 0))
        self.log.facts[0] = list(records)
        self.stores = {each.name: MemoryStore() for each in adoption.DECIDERS}
        self.blobs = MemoryBlobs()

    async def run(self, decider: Decider[Any], *, takes_snapshot: bool = False) -> None:
        """Let a decider read the log to its end."""
        ports = HostPorts(
            log=self.log,
            store=self.stores[decider.name],
            blobs=self.blobs,
            clock=self.log.clock,
            tokens=counting_tokens(decider.name),
        )
        owner = Owner(0, decider, ports, Options(version="1", prefix=f"{PREFIX}/", wait_ms_max=0))
        await owner.claim()
        while await owner.turn():
            pass
        if takes_snapshot:
            await owner.snapshot()
            await owner.settle()

    def on_a_new_log(self) -> "Town":
        """The same installation, whose log is lost: an empty one is in its place."""
        new = Town()
        new.log.clock.advance((self.log.clock.now() + 60_000) / 1_000)
        new.stores, new.blobs = self.stores, self.blobs
        return new

    def facts(self, kind: type[F]) -> list[F]:
        """The facts of a type on the log."""
        found = []
        for record in self.log.facts[0]:
            reading = facts_log.reading(record)
            if reading is not None and isinstance(reading.fact, kind):
                found.append(reading.fact)
        return found

    def said_by_the_directory(self) -> list[Outgoing]:
        """Its facts, as it says them again."""
        found = []
        for record in self.log.facts[0]:
            envelope = codec.envelope(record.headers)
            if envelope.source == outbox.SOURCE and envelope.type != type_name(CallbackAsked):
                found.append(
                    Outgoing(FACTS.name, envelope.organization_id, record.headers, record.value or b"")
                )
        return found

    def keepers(self) -> dict[str, Keeper]:
        return adoption.keepers(self.stores, self.blobs, PREFIX)


def said(record: LogRecord) -> Fact | None:
    """What a record of the log says, if it can be read."""
    reading = facts_log.reading(record)
    fact = None if reading is None else reading.fact
    return fact if isinstance(fact, Fact) else None


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made = database.connected(f"sqlite:///{tmp_path}/history.db")
    await database.migrate(made)
    yield made
    await made.dispose()


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    """A directory without an office: what it says of offices has tests of its own."""
    settings = Settings(
        directory_database=SecretStr(f"sqlite:///{tmp_path}/book.db"), directory_key=SecretStr("k" * 32)
    )
    async with Installation.open(settings) as opened:
        yield opened


async def broken_off(
    history: AsyncEngine, *, records: tuple[LogRecord, ...] | None = None, takes_snapshots: bool = False
) -> Town:
    """A town whose log is about to be lost: the deciders are a moment ahead of history."""
    whole = morning(SEED)
    records = records or whole[: len(whole) // 2]
    town = Town(records)
    writer = PartitionWriter(history, 0)
    await writer.begin(town.log, counting_tokens("history"))
    await writer.write(list(records))
    for decider in adoption.DECIDERS:
        await town.run(decider, takes_snapshot=takes_snapshots)
    return town


async def asked(installation: Installation) -> list[CallbackAsked]:
    """The promises in the directory's outbox."""
    found = []
    for record in await sent(installation):
        envelope = codec.envelope(record.headers)
        fact = codec.decode(envelope.type, record.value)
        assert isinstance(fact, CallbackAsked)
        found.append(fact)
    return found


async def sent(installation: Installation) -> list[Outgoing]:
    """What the directory will send, in order."""
    async with installation.repository.database.begin() as connection:
        rows = await connection.scalars(select(OUTBOX.c.record).order_by(OUTBOX.c.number))
        return [outbox.decoded(each) for each in rows]


@pytest.mark.rule("C2", "C12", "Q3")
async def test_every_promise_has_its_place_on_the_new_log(
    history: AsyncEngine, installation: Installation
) -> None:
    """And in the order of before: the joining times are those of the lost log. Its origin stays, too."""
    lost = await broken_off(history)
    stood = await history_adoption.standing(history)
    assert stood.callbacks
    new = lost.on_a_new_log()
    told: list[str] = []
    await adoption.adopt(new.log, new.keepers(), history, installation.repository, told.append)
    for each in stood.callbacks:
        assert any(each.number in line for line in told)
    for decider_name, store in new.stores.items():
        claimed = await store.claim(0, "look", new_version="look")
        assert claimed.position is None, decider_name
    await new.log.send([*lost.said_by_the_directory(), *await sent(installation)])
    for decider in (CALLBACK, QUEUE, CALLBACK):
        await new.run(decider)
    promised = {each.callback_id: each for each in await asked(installation)}
    taken = {each.callback_id: each for each in new.facts(PlaceTaken) if each.callback_id is not None}
    assert taken.keys() == promised.keys()
    for callback_id, place in taken.items():
        before = promised[callback_id]
        assert (place.place_id, place.joined_at) == (before.place_id, before.joined_at)
    assert len(new.facts(CallbackOrdered)) == len(promised)
    was_ordered = {each.place_id: each.origin for each in lost.facts(CallbackOrdered)}
    origins = {each.origin for each in promised.values()}
    assert Origin.QUEUE in origins
    for again in promised.values():
        assert again.place_id is not None
        assert again.origin is was_ordered[PlaceId(again.place_id.partition("@")[0])]


@pytest.mark.rule("C2", "C12")
async def test_who_has_just_pressed_the_key_is_asked_for_and_not_cut_off_for_good(
    history: AsyncEngine, installation: Installation
) -> None:
    """The log is lost while the order is read back: the call is lost with it, the promise is not."""
    until, order = next(
        (offset, fact)
        for offset, fact in enumerate(map(said, morning(SEED)))
        if isinstance(fact, CallbackOrdered) and fact.leg_id is not None
    )
    lost = await broken_off(history, records=morning(SEED)[: until + 1])
    new = lost.on_a_new_log()
    told: list[str] = []
    await adoption.adopt(new.log, new.keepers(), history, installation.repository, told.append)
    promised, _, cut_off = "\n".join(told).partition("callers waited on the line")
    assert order.number in promised
    assert order.number not in cut_off
    asked_for = {each.number: each.origin for each in await asked(installation)}
    assert asked_for[order.number] is Origin.QUEUE


async def test_callers_and_letters_are_named_from_the_store_or_from_its_snapshots(
    history: AsyncEngine, installation: Installation
) -> None:
    """What the queue and voicemail keep is found in the bucket, too, when Redis was lost as well."""
    lost = await broken_off(history, takes_snapshots=True)
    lines: dict[str, list[str]] = {}
    for kept in ("store", "snapshots"):
        if kept == "snapshots":
            lost.stores = {name: MemoryStore() for name in lost.stores}
        found = await adoption.found_open(lost.keepers(), await history_adoption.standing(history), history)
        lines[kept] = adoption.told(found)
    assert lines["store"] == lines["snapshots"]
    assert any("cut off" in line and not line.startswith("0 ") for line in lines["store"])


async def test_a_log_in_use_is_refused_and_nothing_changes(
    history: AsyncEngine, installation: Installation
) -> None:
    """Whoever gives the address of the running log has lost nothing by it."""
    lost = await broken_off(history)
    with pytest.raises(NotDone, match="on this log already"):
        await adoption.adopt(lost.log, lost.keepers(), history, installation.repository, print)
    assert await sent(installation) == []
    assert (await history_adoption.standing(history)).callbacks


async def test_a_second_run_asks_for_the_same_callbacks(
    history: AsyncEngine, installation: Installation
) -> None:
    """The first one may have broken off after any step: callback drops what it has taken already."""
    new = (await broken_off(history)).on_a_new_log()
    for _ in range(2):
        await adoption.adopt(new.log, new.keepers(), history, installation.repository, lambda _: None)
    ids = [each.callback_id for each in await asked(installation)]
    assert sorted(ids) == sorted(2 * list(dict.fromkeys(ids)))
