"""A gateway that was cut off, or slept, and has not read yet who owns its PBX now."""

from pathlib import Path

import pytest

from contracts.gateway import CommandDone, LegAnswered, LegRequested, PbxReturned
from contracts.ids import LegId
from services.gateway.simulated import MemoryPbx
from tests.unit.gateway.harness import ANSWERS, PBX, RINGS, GatewayHarness, dial, hang_up
from tests.unit.gateway.process import ORGANIZATION, gateway_process

OTHERS = LegId("others-leg")


def connects_again(office: GatewayHarness) -> None:
    """The wire is back, and the PBX says what it has; what it said meanwhile is gone."""
    office.pbx = MemoryPbx(office.network.pbxs[PBX], lambda: office.now)
    office.turn()


def time_passes_elsewhere(office: GatewayHarness, ms: int) -> None:
    """Phones and people go on; this gateway hears nothing of it."""
    office.now += ms
    office.network.advance(office.now)


def is_up(office: GatewayHarness, leg_id: LegId) -> bool:
    return not office.network.pbxs[PBX].legs[leg_id].is_over


def is_talking(office: GatewayHarness, leg_id: LegId) -> bool:
    return is_up(office, leg_id) and office.network.pbxs[PBX].legs[leg_id].is_answered


@pytest.mark.rule("G2", "G3")
def test_a_gateway_that_was_cut_off_hangs_up_nobody_of_whom_it_has_not_read_yet() -> None:
    """Another one has taken the PBX over meanwhile, and talks on it."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.run(100)
    office.is_log_slow = True
    office.claim("another's")
    office.network.pbxs[PBX].command(office.now, 1, dial("sip:201", OTHERS))
    time_passes_elsewhere(office, 3_000)
    connects_again(office)
    office.run(3_000)
    assert is_talking(office, OTHERS)
    office.is_log_slow = False
    office.run(3_000)
    assert office.superseded
    assert is_talking(office, OTHERS)


@pytest.mark.rule("G3")
def test_a_leg_that_nobody_knows_is_hung_up_when_the_log_shows_that_the_pbx_is_still_ours() -> None:
    """It would cost money until the network gives it up."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.run(100)
    office.is_log_slow = True
    office.network.pbxs[PBX].command(office.now, 1, dial("sip:201", OTHERS))
    time_passes_elsewhere(office, 3_000)
    connects_again(office)
    office.run(3_000)
    assert is_talking(office, OTHERS)
    office.is_log_slow = False
    office.run(1_000)
    assert not is_talking(office, OTHERS)
    assert "unknown_leg_hung_up" in office.counted


@pytest.mark.rule("G2", "G3")
def test_a_ring_limit_that_passed_while_it_was_cut_off_ends_no_talk_of_the_next_owners() -> None:
    """The phone was picked up, and its conversation is another gateway's by now."""
    office = GatewayHarness({"sip:201": {"behaviours": [{"answer_after_s": 6.0}]}})
    office.tell(dial("sip:201", ring_ms=4_000))
    office.run(1_000)
    assert office.facts(LegRequested)
    office.network.pbxs[PBX].vanish(office.now, for_ms=8_000)
    office.run(500)
    office.is_log_slow = True
    office.claim("another's")
    office.run(12_000)
    assert office.network.pbxs[PBX].is_there
    assert is_talking(office, LegId("leg-1"))


@pytest.mark.rule("G2")
def test_what_was_asked_while_the_pbx_was_away_is_asked_when_its_return_stands_on_the_log() -> None:
    """A hang-up of those seconds is carried out, and not before."""
    office = GatewayHarness({"sip:201": RINGS})
    office.tell(dial("sip:201"))
    office.run(1_000)
    office.network.pbxs[PBX].vanish(office.now, for_ms=2_000)
    office.run(500)
    office.tell(hang_up())
    office.is_log_slow = True
    office.run(3_000)
    returned = len(office.facts(PbxReturned))
    assert returned == 2
    assert is_up(office, LegId("leg-1"))
    office.is_log_slow = False
    office.run(500)
    assert not is_up(office, LegId("leg-1"))


@pytest.mark.rule("G2")
def test_m21_a_command_whose_predecessors_another_one_has_answered_is_not_dropped() -> None:
    """It seems to come too early; whoever has the PBX then finds it, for nobody sends it again."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.run(100)
    office.tell(dial("sip:201"), seq=1)
    office.run(1_000)
    office.is_log_slow = True
    office.claim("another's")
    left = office.tell(hang_up(), seq=3)
    office.run(3_000)
    assert "command_too_early" in office.counted
    office.is_log_slow = False
    office.run(3_000)
    assert office.superseded
    assert left not in office.settled


@pytest.mark.rule("G2")
def test_m21_a_command_that_came_too_early_is_dropped_when_nobody_else_had_the_pbx() -> None:
    """Its sender sends it again after the one that is missing, and the offset may move on."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.run(100)
    office.tell(dial("sip:201"), seq=1)
    office.run(1_000)
    early = office.tell(hang_up(), seq=3)
    assert early not in office.settled
    office.tell(dial("sip:202", "leg-2"), seq=2)
    assert early in office.settled
    assert not office.facts(CommandDone)
    office.tell(hang_up(), seq=3)
    office.run(1_000)
    assert [each.seq for each in office.facts(CommandDone)] == [3]


@pytest.mark.rule("G2")
async def test_a_gateway_that_slept_dials_nobody_before_it_has_read_what_came_meanwhile(
    tmp_path: Path,
) -> None:
    """Its request is the first that it reads; another one has told it as lost, and dials the number anew."""
    async with gateway_process(tmp_path) as made:
        await made.until(PbxReturned)
        made.reads = False
        made.tell(dial("sip:201"))
        await made.until(LegRequested)
        made.claim("another's")
        made.clock.ahead_ms = 60_000
        made.reads = True
        runner = made.registry._runners[ORGANIZATION, PBX]
        await made.wait(lambda: runner.machine is None, "the end of the former owner's work")
        await made.wait(lambda: runner.is_working, "the PBX taken back")
        assert made.server.network.counts["dials"] == 0


@pytest.mark.rule("G2")
async def test_a_gateway_that_slept_and_still_has_its_pbx_goes_on_where_it_was(tmp_path: Path) -> None:
    """A machine that was only slow loses nobody."""
    async with gateway_process(tmp_path) as made:
        await made.until(PbxReturned)
        made.reads = False
        made.tell(dial("sip:201"))
        await made.until(LegRequested)
        made.clock.ahead_ms = 60_000
        made.reads = True
        await made.until(LegAnswered)
        assert made.server.network.counts["dials"] == 1
