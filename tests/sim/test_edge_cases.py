"""Events, failure and time: the rows EC-102 to EC-107 of edge-cases.md, on the real host and queue."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from contracts import telephony
from contracts.codec import decode, envelope
from contracts.gateway import Bridged, EndedBy, LegEnded
from contracts.ids import PlaceId
from contracts.queue import (
    NoAnswerReached,
    OfferAccepted,
    OfferMade,
    PlaceAbandoned,
    PlaceConnected,
    PlaceTaken,
)
from runtime.ports import LogRecord, LogUnavailable, Outgoing, Refused
from tests.sim import replay
from tests.sim.invariants import CHECKERS
from tests.sim.office import Office, positions, queue_state
from tests.sim.ports import SharedLog
from tests.sim.virtual_time import VirtualLoop, run
from tests.sim.workload import CLOUD, ZERO_S
from tests.sim.world import CALM, DECIDERS, Run, World
from tests.unit.runtime.worlds import ACME, Crashed, Faults, quiet, settled, state_of


def _let_phones_ring(office: Office) -> None:
    for dial in office.asked(telephony.DialLeg):
        assert isinstance(dial, telephony.DialLeg)
        office.rings(dial.leg_id)


@pytest.mark.rule("Q12")
async def test_a_call_on_both_sides_of_a_rebalance_has_every_effect_once() -> None:
    """EC-102: the old owner learns too late that it has lost the partition; its writes are refused."""
    office = Office(agents=1)
    office.calls("c1")
    old, new = office.start(), office.start()
    await settled(old)
    (dial,) = office.asked(telephony.DialLeg)
    assert isinstance(dial, telephony.DialLeg)
    await new.claim()
    office.answers(dial.leg_id)
    office.hangs_up("c1")
    with pytest.raises(Refused):
        await old.turn()
    with pytest.raises(Refused):
        await old.snapshot()
    assert office.blobs.objects == {}
    await quiet(new)
    assert len(office.queue_said(OfferMade)) == len(office.queue_said(OfferAccepted)) == 1
    assert len(office.asked(telephony.DialLeg)) == 1
    assert len(office.queue_said(PlaceAbandoned)) + len(office.queue_said(PlaceConnected)) == 1
    assert office.sent_numbers() == sorted(set(office.sent_numbers())), "nothing was said twice"
    assert (await state_of(new)).keys() == office.store.stored[0].records[ACME].keys() - {"host/numbers"}


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("dies", ["between turns", "after the store's write", "in the middle of sending"])
async def test_killed_with_200_waiting_and_40_ringing_everything_is_as_it_was(dies: str) -> None:
    """EC-103: ringing legs are adopted by their ids, no agent is rung twice, and no position changes."""
    office = Office(agents=40)
    names = [f"c{number:03d}" for number in range(240)]
    office.calls(*names)
    faults = Faults()
    owner = office.owner(office.start()._decider, faults=faults)
    await settled(owner)
    _let_phones_ring(office)
    await quiet(owner)
    assert len(await positions(owner)) == 240
    before = await state_of(owner)
    office.calls("late")
    if dies != "between turns":
        faults.after = faults.calls + (2 if dies == "after the store's write" else 3)
        with pytest.raises(Crashed):
            await quiet(owner)
    dials = len(office.asked(telephony.DialLeg))
    assert dials == 40
    successor = office.start()
    await settled(successor)
    state = await queue_state(successor)
    after = await state_of(successor)
    assert {name: after[name] for name in before if name.startswith(("places/", "offers/", "legs/"))} == {
        name: data for name, data in before.items() if name.startswith(("places/", "offers/", "legs/"))
    }
    assert await positions(successor) == [f"p.{name}" for name in (*names, "late")]
    assert len(office.queue_said(OfferMade)) == len(state.offers) == 40
    assert len(office.asked(telephony.DialLeg)) == 40
    # Adopted: an agent who answers now talks to the waiting customer.
    for dial in office.asked(telephony.DialLeg):
        assert isinstance(dial, telephony.DialLeg)
        office.answers(dial.leg_id)
    await quiet(successor)
    taken = [fact.place_id for fact in office.queue_said(OfferAccepted) if isinstance(fact, OfferAccepted)]
    assert sorted(taken) == [f"p.{name}" for name in names[:40]]
    assert len(office.asked(telephony.Bridge)) == 40


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("meanwhile", [False, True])
async def test_with_an_empty_store_the_log_is_heard_before_anything_is_decided(meanwhile: bool) -> None:
    """EC-105: facts on the log stand, and are not said again differently; then the wait continues."""
    office = Office(agents=3)
    office.calls(*(f"c{number}" for number in range(8)))
    owner = office.start()
    await settled(owner)
    _let_phones_ring(office)
    await quiet(owner)
    before, order = await state_of(owner), await positions(owner)
    commands = len(office.log.topics["telephony"])
    office.store.stored = {}
    if meanwhile:  # the old owner is still alive, and is told by its next write
        office.calls("c8")
        with pytest.raises(Refused):
            await quiet(owner)
        order.append(PlaceId("p.c8"))
    successor = office.start()
    await settled(successor)
    after = await state_of(successor)
    assert {
        name: after.get(name) for name in before if name.startswith(("places/", "offers/", "agents/"))
    } == {name: data for name, data in before.items() if name.startswith(("places/", "offers/", "agents/"))}
    assert await positions(successor) == order
    assert office.sent_numbers() == sorted(set(office.sent_numbers())), "the log won: nothing was said again"
    since = [decode(envelope(each.headers).type, each.value) for each in office.log.topics["telephony"]]
    legs = {getattr(command, "leg_id", "") for command in since[commands:]}
    assert legs == ({"c8"} if meanwhile else set()), "only the new caller is spoken to"
    assert len(office.queue_said(OfferMade)) == 3


class OutageLog(SharedLog):
    """A broker that can't be reached for a while."""

    def __init__(self, loop: VirtualLoop, *, from_s: float, for_s: float) -> None:
        super().__init__(loop)
        self._virtual = loop
        self.from_s, self.until_s = from_s, from_s + for_s

    def _reach(self) -> None:
        if self.from_s <= self._virtual.time() < self.until_s:
            raise LogUnavailable("no broker, by the simulation")

    async def append(self, partition: int, records: Sequence[Outgoing], *, at: int | None = None) -> int:
        """Append, if there is a broker."""
        self._reach()
        return await super().append(partition, records, at=at)

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send, if there is a broker."""
        self._reach()
        await super().send(records)

    async def read(self, partition: int, offset: int, *, records_max: int, wait_ms: int) -> list[LogRecord]:
        """Read, if there is a broker."""
        self._reach()
        return await super().read(partition, offset, records_max=records_max, wait_ms=wait_ms)


class Outage(World):
    """A morning in which Kafka is away for a minute while customers wait."""

    def look_and_listen(self, from_s: float, until_s: float) -> None:
        """Note what callers hear when the outage begins, and just before it ends."""
        self.log = OutageLog(self._loop, from_s=from_s, for_s=until_s - from_s)
        self.workload = msgspec.structs.replace(self.workload, changes=())
        self.before: dict[str, str] = {}
        self.during: dict[str, str] = {}
        self._loop.call_later(from_s + 2.0, lambda: self.before.update(self._ears()))
        self._loop.call_later(until_s - 1.0, lambda: self.during.update(self._ears()))

    def _ears(self) -> dict[str, str]:
        lines = self.network.pbxs[CLOUD].legs.values()
        return {each.leg_id: each.listening for each in lines if each.is_arrived and not each.is_over}


def _with_an_outage(seed: int, from_s: float, until_s: float) -> tuple[Run, Outage]:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    spools: list[Path] = []

    async def main() -> tuple[Run, Outage]:
        world = Outage(seed, CALM, loop, DECIDERS, {})
        spools.append(world.spool)
        world.look_and_listen(from_s, until_s)
        await world.play()
        # Deadlines are late by as much: checkers allow that for every crash.
        world.crashes.append("the broker was away")
        return world.result(), world

    try:
        return run(main(), loop)
    finally:
        asyncio.set_event_loop(None)
        for spool in spools:
            shutil.rmtree(spool, ignore_errors=True)


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("seed", [4, 21])
def test_while_kafka_is_away_callers_hear_music_and_nothing_is_decided(seed: int) -> None:
    """EC-106: after a minute without a broker, the events of that minute are heard in order."""
    from_s, until_s = ZERO_S + 70.0, ZERO_S + 130.0
    found, world = _with_an_outage(seed, from_s, until_s)
    waited = [leg for leg, hears in world.before.items() if hears == "music" and leg in world.during]
    assert waited, "nobody waited through the outage: the seed proves nothing"
    assert {world.during[leg] for leg in waited} == {"music"}
    start = found.facts[0].at
    window = range(start + round(from_s * 1000) + 1, start + round(until_s * 1000))
    assert [each.fact for each in found.facts if each.at in window] == [], "nothing was decided meanwhile"
    hung_up = [
        each.fact.leg_id
        for each in found.facts
        if isinstance(each.fact, LegEnded) and each.fact.by is EndedBy.US and each.at in window
    ]
    assert hung_up == []
    assert [wrong for checker in CHECKERS for wrong in checker(found)] == []
    # In order: an offline run over the log gives exactly its facts.
    assert list(replay.all_follows_from_the_log(found, DECIDERS)) == []


@pytest.mark.rule("Q5")
@pytest.mark.parametrize("no_answer_s", [60, 137, 600])
async def test_a_clock_that_is_90_s_ahead_brings_no_deadline_forward_or_back(no_answer_s: int) -> None:
    """EC-107: no early apology, and none delayed by the wrong clock."""
    office = Office(agents=1, no_answer_ms=no_answer_s * 1000)
    office.clock.skew_ms = 90_000
    owner = office.start()
    await settled(owner)
    office.calls("c1", "c2")
    await quiet(owner)
    (dial,) = office.asked(telephony.DialLeg)
    assert isinstance(dial, telephony.DialLeg)
    office.answers(dial.leg_id)
    await quiet(owner)
    (bridge,) = office.asked(telephony.Bridge)
    assert isinstance(bridge, telephony.Bridge)
    office.phones(Bridged(pbx_id=bridge.pbx_id, bridge_id=bridge.bridge_id, legs=bridge.legs))
    await quiet(owner)  # c1 is talking, c2 waits
    (place,) = [each for each in (await queue_state(owner)).places if each.place_id == "p.c2"]
    while not office.queue_said(NoAnswerReached) and office.clock.at < place.deadline_at + 60_000:
        office.clock.advance(0.25 if office.clock.at > place.deadline_at - 3_000 else 1.0)
        await quiet(owner)
    (said,) = [
        each for each in office.log.facts[0] if dict(each.headers)["ce_type"] == b"queue.no_answer_reached"
    ]
    assert 0 <= said.at - place.deadline_at <= 1_000
    asked = [fact for fact in office.alarms("log.timer_due") if getattr(fact, "kind", "") == "deadline"]
    assert len(asked) <= 12, "early questions become rarer, or the log fills with them"
    assert len(office.queue_said(PlaceTaken)) == 2
