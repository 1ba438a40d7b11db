"""Two gateways of one group: who has a PBX's commands has the PBX, and a hand-over loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from contracts.gateway import (
    CallArrived,
    CommandRefused,
    DigitsEntered,
    LegAnswered,
    LegEnded,
    PbxClaimed,
    PbxReturned,
    PlayFinished,
    RecordingFinished,
    RecordingSpooled,
)
from contracts.ids import Address, LegId, MediaKey, PlayId, RecordingId
from contracts.telephony import DialLeg, HangUp, Play, Record
from runtime.edge import NONE, LeftToAnother, Share
from services.gateway.activities import pbx_runner
from services.gateway.activities.pbx_runner import PbxRunner
from services.gateway.decider import Minutes
from services.gateway.port import Pressed
from services.gateway.simulated import Call
from tests import offices
from tests.contract.gateway.benches import CUSTOMER, LINE
from tests.unit.gateway.process import ORGANIZATION, PBX, GatewayProcess, gateway_process

GIVEN = Share(is_ours=lambda _: True, is_by_group=True)
LEG = LegId("leg-1")
REC = RecordingId("rec-1")
SPEAKER = Address("sip:207")
"""Says «hello there» into a recording and hangs up."""


@asynccontextmanager
async def two_gateways(folder: Path) -> AsyncIterator[tuple[GatewayProcess, GatewayProcess]]:
    """One that has the PBX, and one that stands by."""
    async with gateway_process(folder / "first") as first:
        await first.registry.own(GIVEN)
        second = first.beside(folder / "second")
        await second.start(NONE)
        try:
            yield first, second
        finally:
            await second.crash()


def runner(made: GatewayProcess) -> PbxRunner:
    return made.registry._runners[ORGANIZATION, PBX]


async def hand_over(giver: GatewayProcess, taker: GatewayProcess) -> None:
    """As at a drain: the other one is given the PBX when the first has let go."""
    await giver.registry.own(NONE)
    taker.seqs = giver.seqs
    await taker.registry.own(GIVEN)


def dial(address: str = "sip:201", leg_id: str = LEG) -> DialLeg:
    return DialLeg(
        pbx_id=PBX, leg_id=LegId(leg_id), address=Address(address), caller_id=LINE, ring_ms_max=20_000
    )


async def a_talk(made: GatewayProcess) -> None:
    made.tell(dial())
    await made.until(LegAnswered)


async def a_message(made: GatewayProcess) -> None:
    made.tell(dial(SPEAKER))
    await made.until(LegAnswered)
    made.tell(Record(pbx_id=PBX, leg_id=LEG, recording_id=REC, duration_ms_max=60_000, silence_ms_max=5_000))


@pytest.mark.rule("G2", "G3")
async def test_a_call_goes_on_when_another_gateway_takes_its_pbx_over(tmp_path: Path) -> None:
    """Nobody is hung up or dialled again, and the new gateway ends the call when it is asked to."""
    async with two_gateways(tmp_path) as (first, second):
        await a_talk(first)
        await hand_over(first, second)
        await second.until(PbxReturned, count=2)
        assert second.facts(PbxReturned)[-1].live_legs == (LEG,)
        assert second.facts(LegEnded) == []
        second.tell(HangUp(pbx_id=PBX, leg_id=LEG))
        ended = await second.until(LegEnded)
        assert (ended.outcome, ended.cause) == ("completed", "")
        assert first.server.network.counts["dials"] == 1


@pytest.mark.rule("G2")
async def test_a_gateway_that_stands_by_neither_claims_nor_connects(tmp_path: Path) -> None:
    """The second one may not take a PBX away from the first by its start."""
    async with two_gateways(tmp_path) as (first, second):
        await a_talk(first)
        assert len(first.facts(PbxClaimed)) == 1
        assert not runner(second)._adapter.is_connected
        assert second.registry.is_ready


@pytest.mark.rule("G2")
async def test_a_command_without_an_answer_is_left_to_the_next_owner(tmp_path: Path) -> None:
    """Its offset must not be committed, or nobody would ever finish what waits for it."""
    async with two_gateways(tmp_path) as (first, second):
        await a_talk(first)
        play = Play(pbx_id=PBX, leg_id=LEG, play_id=PlayId("p"), media=(MediaKey("long.wav"),))
        left = first.tell(play)
        await first.wait(lambda: bool(first.server.network.pbxs[PBX].legs[LEG].queue), "a play")
        await first.registry.own(NONE)
        assert isinstance(left.exception(), LeftToAnother)
        second.seqs = first.seqs - 1
        await second.registry.own(GIVEN)
        done = second.tell(play)
        assert (await second.until(PlayFinished)).ok
        await done
        assert len(second.facts(PlayFinished)) == 1
        assert first.server.network.pbxs[PBX].legs[LEG].heard == ["long.wav"]


@pytest.mark.rule("G2")
async def test_what_a_caller_did_is_on_the_log_before_another_gateway_has_the_pbx(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker is slow: a key of the last moment is said, for no PBX tells of it again."""
    monkeypatch.setattr(pbx_runner, "LET_GO_S_MAX", 60.0)
    async with two_gateways(tmp_path) as (first, second):
        await a_talk(first)
        first.says_fail = 2
        machine = runner(first).machine
        assert machine is not None
        machine.handle(first.server.now(), Pressed(leg_id=LEG, digit="1"))
        runner(first).pump()
        await hand_over(first, second)
        await second.until(PbxReturned, count=2)
        kinds = [type(each.message) for each in second.log]
        assert kinds.index(DigitsEntered) < len(kinds) - 1 - kinds[::-1].index(PbxClaimed)


@pytest.mark.rule("G2")
async def test_a_gateway_that_lost_its_share_unnoticed_is_stopped_and_does_not_take_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both believe that the PBX is theirs, until one learns better: it ends with whom the group chose."""
    monkeypatch.setattr(pbx_runner, "STILL_OURS_S", 0.05)
    monkeypatch.setattr(pbx_runner, "CONTEST_S", 0.5)
    async with two_gateways(tmp_path) as (first, second):
        await a_talk(first)
        second.seqs = first.seqs
        await second.registry.own(GIVEN)
        await second.until(PbxReturned, count=2)
        await first.wait(lambda: runner(first).machine is None, "a first gateway that was superseded")
        await first.registry.own(NONE)
        second.tell(HangUp(pbx_id=PBX, leg_id=LEG))
        assert (await second.until(LegEnded)).outcome == "completed"
        claims = len(second.facts(PbxClaimed))
        await asyncio.sleep(1.2)
        assert len(second.facts(PbxClaimed)) == claims
        assert runner(second).is_working


@pytest.mark.rule("G2")
async def test_the_owner_takes_its_pbx_back_from_a_gateway_that_came_too_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that woke up connects once more before it learns that its share is gone."""
    monkeypatch.setattr(pbx_runner, "STILL_OURS_S", 0.05)
    monkeypatch.setattr(pbx_runner, "CONTEST_S", 1.0)
    async with two_gateways(tmp_path) as (first, second):
        await a_talk(first)
        await hand_over(first, second)
        await second.until(PbxReturned, count=2)
        first.registry._runners[ORGANIZATION, PBX].take(is_by_group=True)
        await second.wait(lambda: runner(first).is_working, "a late gateway that has the PBX")
        await first.registry.own(NONE)
        await second.wait(lambda: runner(second).is_working, "the owner, back at work")
        second.tell(HangUp(pbx_id=PBX, leg_id=LEG))
        assert (await second.until(LegEnded)).outcome == "completed"


@pytest.mark.rule("V7")
async def test_a_recording_on_a_former_owners_volume_is_fetched_again_and_stored_once(tmp_path: Path) -> None:
    """S3 was away at the hand-over, and the former owner does not come back: the PBX still has the sound."""
    async with two_gateways(tmp_path) as (first, second):
        first.blobs.is_up = False
        await a_message(first)
        spooled = await first.until(RecordingSpooled)
        await first.registry.own(NONE)
        await first.crash()
        second.blobs.is_up = True
        second.seqs = first.seqs
        await second.registry.own(GIVEN)
        finished = await second.until(RecordingFinished)
        assert (finished.ok, finished.sha256) == (True, spooled.sha256)
        assert finished.key is not None
        assert list(second.blobs.objects) == [finished.key]
        tapes = first.server.network.pbxs[PBX].recorder.tapes
        await second.wait(lambda: REC not in tapes, "a PBX that has freed it")
        assert len(second.facts(RecordingFinished)) == 1


@pytest.mark.rule("V7")
async def test_a_recording_that_only_a_former_owner_has_is_uploaded_by_it_and_said_by_the_owner(
    tmp_path: Path,
) -> None:
    """The PBX has lost it meanwhile: nothing is said to be lost that lies on a volume of ours."""
    async with two_gateways(tmp_path) as (first, second):
        first.blobs.is_up = False
        await a_message(first)
        spooled = await first.until(RecordingSpooled)
        await first.until(LegEnded)
        await first.registry.own(NONE)
        await first.crash()
        first.server.network.pbxs[PBX].recorder.tapes.clear()
        first.blobs.is_up = True
        second.seqs = first.seqs
        await second.registry.own(GIVEN)
        await second.until(PbxReturned, count=2)
        await asyncio.sleep(0.3)
        assert second.facts(RecordingFinished) == []
        await first.start(NONE)
        await first.wait(lambda: runner(first)._shadow is not None, "a log that was read")
        await first.registry.own(NONE)
        finished = await second.until(RecordingFinished)
        assert (finished.ok, finished.sha256) == (True, spooled.sha256)
        await first.wait(lambda: not list((tmp_path / "first").glob("*.wav")), "an empty volume")
        assert len(second.facts(RecordingFinished)) == 1


@pytest.mark.rule("O1")
async def test_the_calls_at_once_of_an_organization_hold_over_its_gateways(tmp_path: Path) -> None:
    """A call that another gateway has counts from the moment at which the log has it."""
    async with two_gateways(tmp_path) as (first, second):
        first.append(offices.organization(ORGANIZATION, calls_at_once_max=1))
        await first.wait(lambda: _minutes(second).calls.at_once_max == 1, "a card that was read")
        first.server.network.pbxs[PBX].call_in(first.server.now(), Call(line=LINE, caller=CUSTOMER))
        await first.until(CallArrived)
        await second.wait(lambda: _minutes(second).calls.is_full(first.log[-1].at), "a count over both")
        await hand_over(first, second)
        await second.until(PbxReturned, count=2)
        second.tell(dial(f"tel:{CUSTOMER}", "leg-2"))
        assert (await second.until(CommandRefused)).reason == "too_many_calls"


def _minutes(made: GatewayProcess) -> Minutes:
    return made.registry._minutes.of(ORGANIZATION)


async def test_only_the_owner_tells_whether_a_pbx_is_there(tmp_path: Path) -> None:
    """Otherwise each gateway would report the others' PBXs as away, for ever."""
    labels = {"organization": ORGANIZATION, "pbx": PBX}
    async with gateway_process(tmp_path) as made:
        await made.until(PbxReturned)
        assert REGISTRY.get_sample_value("ringback_pbx_connected", labels) == 1
        await made.registry.own(NONE)
        assert REGISTRY.get_sample_value("ringback_pbx_connected", labels) is None
