"""No call stays in an organization's count after its end, whatever happened to gateway, PBX and log (O1).

A count that never goes down would reject the organization's customers as busy.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from msgspec import structs

from contracts.gateway import (
    CallArrived,
    LegAnswered,
    LegRequested,
    PbxReturned,
)
from contracts.ids import Address, Instant, LegId
from contracts.message import Fact
from services.gateway.activities.spent_minutes import SpentMinutes
from services.gateway.decider.calls_at_once import CALL_MS_MAX
from services.gateway.simulated import Call
from tests import offices
from tests.unit.gateway.harness import (
    ANSWERS,
    CUSTOMER,
    LINE,
    ORGANIZATION,
    PBX,
    START,
    GatewayHarness,
    answer,
    cancel,
    dial,
    hang_up,
)
from tests.unit.gateway.process import gateway_process

pytestmark = pytest.mark.rule("O1")
PUBLIC = f"tel:{CUSTOMER}"
STEPS = 60


def counted(office: GatewayHarness) -> set[LegId]:
    """The legs that count at this moment."""
    return set(office.spent.of(ORGANIZATION).calls._live)


class Fate:
    """What happens to an office, drawn by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.office = GatewayHarness({"sip:201": ANSWERS}, public={CUSTOMER: ANSWERS}, seed=seed)
        self.office.machine.learn(self.limited())
        self.legs: list[str] = []
        self.version = 2

    def limited(self) -> Fact:
        return offices.organization(ORGANIZATION, calls_at_once_max=4, version=2)

    def happens(self) -> None:
        """One thing happens, and some time passes."""
        acts: list[Callable[[], None]] = [self.calls_in] * 3 + [self.dials] * 3 + [self.ends] * 3
        acts += [self.cancels, self.answers, self.vanishes, self.crashes, self.log_stops, self.suspends]
        self.random.choice(acts)()
        self.office.run(self.random.choice((1, 30, 500, 3_000)))

    def calls_in(self) -> None:
        pbx = self.office.network.pbxs[PBX]
        self.legs.append(pbx.call_in(self.office.now, Call(line=LINE, caller=CUSTOMER)))

    def dials(self) -> None:
        self.legs.append(f"leg-{len(self.legs)}")
        self.office.tell(dial(self.random.choice((PUBLIC, "sip:201")), self.legs[-1]))

    def ends(self) -> None:
        if self.legs:
            self.office.tell(hang_up(self.random.choice(self.legs)))

    def cancels(self) -> None:
        if self.legs:
            self.office.tell(cancel(self.random.choice(self.legs)))

    def answers(self) -> None:
        if self.legs:
            self.office.tell(answer(self.random.choice(self.legs)))

    def vanishes(self) -> None:
        pbx = self.office.network.pbxs[PBX]
        pbx.vanish(self.office.now, for_ms=self.random.choice((50, 5_000)), drops=self.random.random())

    def crashes(self) -> None:
        self.office.is_log_slow = False
        self.office.crash()
        self.office.machine.learn(self.limited())

    def log_stops(self) -> None:
        self.office.is_log_slow = not self.office.is_log_slow

    def suspends(self) -> None:
        for is_suspended in (True, False):
            self.version += 1
            self.office.machine.learn(
                structs.replace(self.limited(), version=self.version, is_suspended=is_suspended)
            )
            self.office.run(self.random.choice((1, 2_000)))

    def comes_to_rest(self) -> None:
        """Everything works again, and everybody hangs up."""
        self.office.is_log_slow = False
        self.office.run(60_000)
        for leg_id in self.office.machine.live_legs():
            self.office.tell(hang_up(leg_id))
        self.office.run(60_000)


@pytest.mark.parametrize("seed", range(60))
def test_after_all_calls_have_ended_none_counts(seed: int) -> None:
    """Calls, dials and hang-ups between crashes, lost PBXs, a log that stands still, and suspensions."""
    fate = Fate(seed)
    for _ in range(STEPS):
        fate.happens()
    fate.comes_to_rest()
    assert not fate.office.machine.live_legs()
    assert counted(fate.office) == set()


@pytest.mark.parametrize("seed", range(60, 80))
def test_whatever_lives_over_the_public_network_counts(seed: int) -> None:
    """And a count that forgets somebody would let an organization dial beyond its ceiling."""
    fate = Fate(seed)
    for _ in range(STEPS):
        fate.happens()
        if not fate.office.is_log_slow:
            machine = fate.office.machine._state
            known = [machine.legs[each] for each in fate.office.machine.live_legs()]
            live = {each.leg_id for each in known if each.is_arrived or each.address == PUBLIC}
            rejected = {each.leg_id for each in known if each.ours == "rejected_busy"}
            assert live - rejected <= counted(fate.office)


def test_facts_of_a_former_owner_count_nothing() -> None:
    """Its outbox went on the log after a newer claim: nobody will ever say how these legs ended."""
    spent, office = SpentMinutes(), GatewayHarness()
    office.log.clear()
    office.claim("former")
    office.claim("newer")
    for number in range(300):
        leg_id = LegId(f"late-{number}")
        office.append(CallArrived(pbx_id=PBX, leg_id=leg_id, caller=None, line=LINE), seq=1, incarnation=0)
        requested = LegRequested(pbx_id=PBX, leg_id=LegId(f"out-{number}"), address=Address(PUBLIC))
        office.append(requested, seq=1, incarnation=0)
        office.append(LegAnswered(pbx_id=PBX, leg_id=LegId(f"out-{number}")), seq=1, incarnation=0)
    for entry in office.log:
        spent.hear(entry.heard)
    ours = spent.of(ORGANIZATION)
    assert not ours.calls._live
    assert ours.used_ms(Instant(START + CALL_MS_MAX)) == 0


async def test_a_leg_that_never_came_to_the_log_counts_no_longer_when_another_takes_the_pbx(
    tmp_path: Path,
) -> None:
    """The broker was away, and the PBX went to another process meanwhile."""
    async with gateway_process(tmp_path) as made:
        await made.until(PbxReturned)
        calls = made.registry._minutes.of(ORGANIZATION).calls
        made.says_fail = 1_000_000
        for number in range(3):
            made.tell(dial(PUBLIC, f"unsaid-{number}"))
        await made.wait(lambda: len(calls._live) == 3, "the legs count")
        made.claim("theirs")
        await made.wait(lambda: not calls._live, "the legs count no longer")
        assert not made.facts(LegRequested)
