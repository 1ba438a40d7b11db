"""Several gateways share the PBXs, come and go, die and sleep: nothing is lost, and nothing done twice."""

import asyncio
import os
import random
from collections.abc import Callable
from functools import lru_cache

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from contracts.gateway import LegAnswered, PbxClaimed, PbxLost, RecordingFinished
from contracts.ids import Instant, LegId
from contracts.telephony import CancelLeg, HangUp, RejectLeg, TelephonyCommand
from contracts.topics import TELEPHONY
from tests.sim.fault_profiles import (
    FaultProfile,
    with_gateways_that_are_cut_off,
    with_gateways_that_come_and_go,
    with_gateways_that_die,
    with_gateways_that_lose_a_pbx_as_it_records,
    with_gateways_that_read_late,
    with_gateways_that_sleep,
    wrongs,
)
from tests.sim.fingerprint import fingerprint
from tests.sim.gateway_invariants import (
    SENTENCES_OF_GATEWAYS,
    every_command_is_answered_once,
    every_recording_is_told_once,
    every_sound_of_a_pbx_is_in_s3,
    no_leg_is_dialled_by_two_gateways,
    no_pbx_keeps_a_leg,
    no_talk_is_ended_by_a_gateway_that_lost_it,
    nobody_claims_a_pbx_that_is_anothers,
    nobody_is_dialled_who_was_given_up,
)
from tests.sim.gateways import ChangeKind, plan
from tests.sim.group import SESSION_S, Group, GroupConsumer
from tests.sim.ports import Outages, Process, SharedLog
from tests.sim.switchboard import Dialled, HungUp
from tests.sim.virtual_time import VirtualClock, VirtualLoop, run
from tests.sim.world import CALM, Run, simulate

ENDINGS = (HangUp, CancelLeg, RejectLeg)
KEPT = (
    (with_gateways_that_are_cut_off, 3),
    (with_gateways_that_read_late, 6),
    (with_gateways_that_sleep, 134),
    (with_gateways_that_sleep, 322),
    (with_gateways_that_die, 122),
    (with_gateways_that_are_cut_off, 116),
)
"""3: a gateway that was cut off hung up its successor's talk as unknown.
6: one that woke dialled a leg that its successor had told as lost.
134, 322: a recording was told as lost, since it was still on its way when the PBX listed what it has (M-25).
122: S3 had more than the PBX, but only because the simulation shortened a recording after it had sent it.
116: a PBX was away for longer than one is waited for, and its recordings were given up, as EC-63 says; the
checker wanted them freed."""
SEEDS = int(os.environ.get("SEEDS", "100"))


@pytest.mark.rule("G2", "G3", "V7", "V8")
@pytest.mark.parametrize(
    "weather",
    [
        with_gateways_that_come_and_go,
        with_gateways_that_die,
        with_gateways_that_sleep,
        with_gateways_that_are_cut_off,
        with_gateways_that_read_late,
        with_gateways_that_lose_a_pbx_as_it_records,
    ],
)
@pytest.mark.parametrize("seed", range(1, 1 + max(1, SEEDS // 33)))
def test_gateways_that_share_the_pbxs_lose_nothing_and_do_nothing_twice(
    weather: FaultProfile, seed: int
) -> None:
    """Whoever has a PBX, and whoever only believes so."""
    assert weather(seed, "") == []


@pytest.mark.rule("G2", "G3")
@pytest.mark.parametrize(("weather", "seed"), KEPT)
def test_what_a_seed_has_shown_of_several_gateways_stays_mended(weather: FaultProfile, seed: int) -> None:
    """Without its fix each of these mornings shows the fault again (`run_mutants.py`)."""
    assert weather(seed, "") == []


@lru_cache(maxsize=1)
def shared_morning() -> Run:
    """A morning of two or three gateways on which one of them recorded somebody."""
    for seed in range(1, 50):
        played = simulate(seed, CALM, plan=plan(seed, ChangeKind.DRAIN))
        if any(isinstance(each.fact, RecordingFinished) and each.fact.ok for each in played.facts):
            return played
    raise AssertionError("nobody was ever recorded")


def test_a_morning_of_several_gateways_hands_pbxs_over_and_is_the_same_every_time() -> None:
    """A failing seed must be repeatable, and a plan without a hand-over would prove nothing."""
    played = shared_morning()
    again = simulate(played.seed, CALM, plan=plan(played.seed, ChangeKind.DRAIN))
    assert fingerprint(played) == fingerprint(again)
    assert sum(isinstance(each.fact, PbxClaimed) for each in played.facts) > 4
    assert len({each.process for each in played.dialled_by}) > 1
    assert wrongs(played) == []


# What the sentences find


def test_a_command_that_nobody_answered_is_found() -> None:
    """And one that two gateways answered."""
    played = shared_morning()
    sent = next(
        each for each in played.commands if isinstance(each.command, TelephonyCommand) and each.envelope.seq
    )
    unknown = msgspec.structs.replace(sent.envelope, seq=99_999)
    more = (*played.commands, msgspec.structs.replace(sent, envelope=unknown))
    (found,) = every_command_is_answered_once(msgspec.structs.replace(played, commands=more))
    assert "number 99999" in found


def test_a_leg_that_two_gateways_dialled_is_found() -> None:
    """The PBX dials a leg once whoever asks, but another one might not."""
    first = shared_morning().dialled_by[0]
    other = Dialled(first.leg_id, "another#1")
    doctored = msgspec.structs.replace(shared_morning(), dialled_by=(*shared_morning().dialled_by, other))
    (found,) = no_leg_is_dialled_by_two_gateways(doctored)
    assert "another#1" in found


def test_a_leg_that_was_dialled_after_its_end_is_found() -> None:
    """A sleeper had requested it, and its successor has told it as lost."""
    first = shared_morning().dialled_by[0]
    late = Dialled(first.leg_id, first.process, Instant(first.at + 3_600_000))
    doctored = msgspec.structs.replace(shared_morning(), dialled_by=(late,))
    (found,) = nobody_is_dialled_who_was_given_up(doctored)
    assert "after its end" in found


def test_a_claim_of_a_pbx_that_is_anothers_is_found() -> None:
    """The world notes it when it is said."""
    doctored = msgspec.structs.replace(shared_morning(), stolen=("gateway-0#1 claims cloud",))
    assert list(nobody_claims_a_pbx_that_is_anothers(doctored)) == ["gateway-0#1 claims cloud"]


@pytest.mark.rule("G3")
def test_a_talk_that_was_hung_up_by_a_gateway_which_did_not_know_it_is_found() -> None:
    """A leg that is over, or that a service has ended, may be hung up."""
    played = shared_morning()
    ended = {each.command.leg_id for each in played.commands if isinstance(each.command, ENDINGS)}
    leg_id, at = next(
        (each.fact.leg_id, each.at)
        for each in played.facts
        if isinstance(each.fact, LegAnswered) and each.fact.leg_id not in ended
    )
    during = HungUp(leg_id, "gateway-9#1", Instant(at))
    after = HungUp(leg_id, "gateway-9#1", Instant(at + 3_600_000))
    doctored = msgspec.structs.replace(played, hung_up=(during, after))
    assert played.hung_up == ()
    (found,) = no_talk_is_ended_by_a_gateway_that_lost_it(doctored)
    assert "gateway-9#1" in found


def with_remains(**fields: object) -> Run:
    """The morning, with something else left behind."""
    played = shared_morning()
    return msgspec.structs.replace(played, remains=msgspec.structs.replace(played.remains, **fields))


def test_a_leg_or_a_recording_that_a_pbx_keeps_is_found() -> None:
    """Nobody would ever end the one, or fetch the other."""
    assert list(no_pbx_keeps_a_leg(with_remains(legs=(LegId("l"),)))) == ["the PBX still has the leg l"]
    kept = with_remains(recordings=("r",))
    assert list(every_sound_of_a_pbx_is_in_s3(kept)) == ["the PBX still has the recording r"]


def test_a_recording_that_is_not_in_s3_or_is_another_one_is_found() -> None:
    """Its size and its checksum were said by who stored it."""
    played = shared_morning()
    (found, *_) = every_sound_of_a_pbx_is_in_s3(with_remains(objects={}))
    assert "is not" in found
    sounds = dict.fromkeys(played.remains.sounds, b"something else")
    (other, *_) = every_sound_of_a_pbx_is_in_s3(with_remains(sounds=sounds))
    assert "is not what the PBX has recorded" in other


def test_only_a_recording_that_was_given_up_while_its_pbx_was_away_may_stay_there() -> None:
    """For a person to decide (EC-63); the same without that absence is found."""
    played = simulate(116, CALM, plan=plan(116, ChangeKind.CUT_OFF, ChangeKind.ISOLATE))
    assert played.remains.recordings
    assert list(every_sound_of_a_pbx_is_in_s3(played)) == []
    facts = tuple(each for each in played.facts if not isinstance(each.fact, PbxLost))
    found = list(every_sound_of_a_pbx_is_in_s3(msgspec.structs.replace(played, facts=facts)))
    assert found == [f"the PBX still has the recording {each}" for each in played.remains.recordings]


def test_a_recording_of_which_nothing_was_told_is_found() -> None:
    """Its end never came."""
    played = shared_morning()
    facts = tuple(each for each in played.facts if not isinstance(each.fact, RecordingFinished))
    (found, *_) = every_recording_is_told_once(msgspec.structs.replace(played, facts=facts))
    assert "ended 0 times" in found


def test_every_sentence_about_gateways_has_a_morning_that_it_refuses() -> None:
    """These are the ones above."""
    assert set(SENTENCES_OF_GATEWAYS) == {
        every_command_is_answered_once,
        no_leg_is_dialled_by_two_gateways,
        nobody_claims_a_pbx_that_is_anothers,
        nobody_is_dialled_who_was_given_up,
        no_talk_is_ended_by_a_gateway_that_lost_it,
        no_pbx_keeps_a_leg,
        every_recording_is_told_once,
        every_sound_of_a_pbx_is_in_s3,
    }


# The group, as a broker has it


class Listener:
    """What a member is given and told."""

    def __init__(self) -> None:
        self.share: set[int] = set()

    def on_partitions_revoked(self, _: object) -> None:
        self.share = set()

    async def on_partitions_assigned(self, given: set[TopicPartition]) -> None:
        self.share = {each.partition for each in given}


class Members:
    """A group of processes that only share."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.log = SharedLog(loop)
        self.group = Group(self.log, random.Random(1), Outages(loop))
        self.sweeping = asyncio.ensure_future(self.group.run())

    async def member(self, name: str) -> tuple[Process, GroupConsumer, Listener]:
        process = Process(name, random.Random(name), CALM, VirtualClock(self.loop), Outages(self.loop))
        consumer, listener = GroupConsumer(process, self.log, self.group), Listener()
        consumer.subscribe([TELEPHONY.name], listener=listener)
        await consumer.start()
        return process, consumer, listener


def in_virtual_time(play: Callable[[Members], object]) -> None:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)

    async def main() -> None:
        await play(Members(loop))  # type: ignore[misc]  # each of these is a coroutine

    try:
        run(main(), loop)
    finally:
        asyncio.set_event_loop(None)


ALL_PARTITIONS = set(range(TELEPHONY.partitions))


def test_members_share_all_partitions_and_a_killed_one_is_left_out_after_its_session() -> None:
    """As on Apache Kafka (tests/adapters/test_shares.py)."""

    async def play(members: Members) -> None:
        _, _, first = await members.member("gateway-0#1")
        await asyncio.sleep(0.5)
        assert first.share == ALL_PARTITIONS
        process, _, second = await members.member("gateway-1#1")
        await asyncio.sleep(3.0)
        assert first.share | second.share == ALL_PARTITIONS
        assert not first.share & second.share
        process.kill("by the test")
        await asyncio.sleep(SESSION_S - 2.0)
        assert first.share != ALL_PARTITIONS
        await asyncio.sleep(5.0)
        assert first.share == ALL_PARTITIONS

    in_virtual_time(play)


def test_a_process_that_comes_back_under_its_name_in_time_has_its_share_at_once() -> None:
    """Nobody else is disturbed, and what the former process commits is refused."""

    async def play(members: Members) -> None:
        _, _, first = await members.member("gateway-0#1")
        killed, _, before = await members.member("gateway-1#1")
        await asyncio.sleep(3.0)
        share, generation = before.share, members.group.generation
        killed.kill("by the test")
        _, _, after = await members.member("gateway-1#2")
        await asyncio.sleep(3.0)
        assert (after.share, members.group.generation) == (share, generation)
        assert first.share | after.share == ALL_PARTITIONS

    in_virtual_time(play)


def test_a_sleeper_commits_nothing_of_what_others_have_now() -> None:
    """It believes that its share is its own until the group tells it otherwise."""

    async def play(members: Members) -> None:
        await members.member("gateway-0#1")
        sleeper, consumer, share = await members.member("gateway-1#1")
        await asyncio.sleep(3.0)
        mine = TopicPartition(TELEPHONY.name, min(share.share))
        sleeper.stand_still(SESSION_S + 5.0)
        await asyncio.sleep(SESSION_S + 5.0)
        with pytest.raises(CommitFailedError):
            members.group.commit(consumer, {mine: 1})
        await asyncio.sleep(3.0)
        assert share.share
        members.group.commit(consumer, {mine: 1})

    in_virtual_time(play)
