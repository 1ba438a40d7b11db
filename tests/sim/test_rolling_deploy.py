"""A rolling deploy: old and new processes take over from each other over one log and one store.

«Old» is this version. «New» is what the next one may do without raising a schema: records with one more field
at the end, one more table, and a message unknown to this version.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from contracts import codec
from contracts.history import Accessed, AccessKind
from contracts.ids import PlaceId
from contracts.message import Fact, type_name
from contracts.queue import AnnouncementMade, NoAnswerReached, OfferMade, PlaceTaken
from devtools.oracle import replayed, the_log_explains_itself
from runtime.decision import Decider, Decision
from runtime.ports import LogRecord
from runtime.records import Record, State, Table
from services.queue.service import SERVICE as QUEUE
from tests.sim.invariants import CHECKERS
from tests.sim.virtual_time import VirtualLoop, run
from tests.sim.world import CALMER, DECIDERS, Run, World

ADDED: Final = "kept by the newer version only"


class LongerTable(Table[Any]):
    """A table whose records have one more field at the end than in the older version."""

    def put(self, record: Any) -> None:
        """Put the record with the newer field."""
        if type(record) is not self.record_type:
            record = self.record_type(*msgspec.structs.astuple(record))
        super().put(msgspec.structs.replace(record, added_later=ADDED))


_LONGER: Final[dict[Any, Any]] = {}


def _longer(kind: Any) -> Any:
    """The record type with the newer field; one of each, since types of the same name are not the same."""
    if kind not in _LONGER:
        _LONGER[kind] = _made_longer(kind)
    return _LONGER[kind]


def _made_longer(kind: Any) -> Any:
    return msgspec.defstruct(
        f"Longer{kind.__name__}",
        [("added_later", str, "")],
        bases=(kind,),
        frozen=True,
        array_like=True,
    )


class Seen(Record, frozen=True, array_like=True):
    """What only the newer version stores."""

    place_id: PlaceId


def _with_longer_records(decider: Decider[Any]) -> Decider[Any]:
    """The next version of a decider: every record has one more field, and there is one more table."""

    def new_state() -> State:
        state: State = decider.new_state()
        for table in state.tables.values():
            table.__class__ = LongerTable
            table.record_type = _longer(table.record_type)
            table._decoder = msgspec.msgpack.Decoder(table.record_type)
        state.table("seen_by_newer", Seen)
        return state

    def apply(state: State, fact: Fact) -> None:
        decider.apply(state, fact)
        if isinstance(fact, PlaceTaken):
            state.tables["seen_by_newer"].put(Seen(fact.place_id))

    return msgspec.structs.replace(decider, new_state=new_state, apply=apply)


class PlaceNoted(Fact, tag="queue.place_noted", frozen=True, kw_only=True):
    """A fact of the next version: the codec of this one has no such type."""

    place_id: PlaceId


def _noting(state: Any, fact: Fact) -> Decision:
    decision: Decision = QUEUE.decide(state, fact)
    if not isinstance(fact, PlaceTaken | OfferMade | AnnouncementMade | NoAnswerReached):
        return decision
    noted = PlaceNoted(place_id=fact.place_id)
    return Decision(facts=(noted, *decision.facts), commands=decision.commands)


class DeployWorld(World):
    """A world whose log has facts that this version can't decode."""

    unknown = 0

    def result(self) -> Run:
        """The result, with unknown facts as empty ones, since their numbers count."""
        self.log.facts[0] = [self._known(record) for record in self.log.facts[0]]
        return super().result()

    def _known(self, record: LogRecord) -> LogRecord:
        envelope = codec.envelope(record.headers)
        if envelope.type in codec.TYPES:
            return record
        self.unknown += 1
        # No checker looks at it. One of the host's marks would not do: their numbers do not count.
        nothing = Accessed(by="", kind=AccessKind.DOWNLOADED, subject="")
        renamed = msgspec.structs.replace(envelope, type=type_name(nothing))
        return msgspec.structs.replace(
            record, headers=tuple(codec.headers(renamed)), value=codec.encode(nothing)
        )


def _deployed(seed: int, newer: dict[str, Decider[Any]]) -> tuple[Run, DeployWorld]:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    spools: list[Path] = []

    async def main() -> tuple[Run, DeployWorld]:
        world = DeployWorld(seed, CALMER, loop, DECIDERS, newer)
        spools.append(world.spool)
        await world.play()
        return world.result(), world

    try:
        return run(main(), loop)
    finally:
        asyncio.set_event_loop(None)
        for spool in spools:
            shutil.rmtree(spool, ignore_errors=True)


def _stored(found: Run, decider: Decider[Any]) -> Iterator[tuple[str, list[Any]]]:
    for records in found.stores[decider.name].stored[0].records.values():
        for name, data in records.items():
            if not name.startswith("host/"):
                yield name, msgspec.msgpack.decode(data[1:])


def _differing(found: Run, decider: Decider[Any]) -> list[str]:
    """Records whose known fields differ from those that the log makes."""
    state = replayed(found, decider).state
    expected = {
        f"{table.name}/{key}": msgspec.msgpack.decode(data[1:])
        for table in state.tables.values()
        for key, data in table.take_changes().items()
        if data is not None
    }
    stored = {
        name: [field for field in fields if field != ADDED]
        for name, fields in _stored(found, decider)
        if not name.startswith("seen_by_newer/")
    }
    return sorted(name for name in stored.keys() | expected.keys() if stored.get(name) != expected.get(name))


LONGER: Final = {decider.name: _with_longer_records(decider) for decider in DECIDERS}


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("seed", range(5001, 5004))
def test_records_with_a_field_more_are_read_by_both_versions(seed: int) -> None:
    """Every decider is deployed at once, back and forth: no customer and no deadline is lost on the way."""
    found, _ = _deployed(seed, LONGER)
    assert [wrong for checker in CHECKERS for wrong in checker(found)] == []
    # The versions decide alike, so all outputs must follow from the log with either.
    assert list(the_log_explains_itself(found, DECIDERS)) == []
    for decider in DECIDERS:
        assert _differing(found, decider) == []
    # Else this proves nothing: both versions must have put some of the records last.
    fields = [fields for decider in DECIDERS for _, fields in _stored(found, decider)]
    assert {ADDED in each for each in fields} == {True, False}
    deployed = [crash for crash in found.crashes if crash.split("#")[0] in LONGER]
    assert len(deployed) >= 2 * len(DECIDERS), "nobody took over from anybody"


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("seed", range(5104, 5106))
def test_a_fact_that_the_old_version_has_never_heard_of_is_passed_over_and_counted(seed: int) -> None:
    """Writers may be ahead of readers during a rolling deploy: skipped facts still count as numbers."""
    newer = msgspec.structs.replace(QUEUE, decide=_noting, says=(*QUEUE.says, PlaceNoted))
    found, world = _deployed(seed, {"queue": newer})
    assert world.unknown > 0, "the newer version never said anything new"
    assert [wrong for checker in CHECKERS for wrong in checker(found)] == []
