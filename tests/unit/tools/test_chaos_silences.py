"""Who heard nothing for how long: a made-up morning of one company, a few phones and a log."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from contracts import callback, gateway
from contracts.codec import Envelope
from contracts.gateway import EndedBy
from contracts.gateway import Outcome as LegOutcome
from contracts.ids import (
    Address,
    AgentId,
    BridgeId,
    CallbackId,
    Instant,
    LegId,
    OrganizationId,
    PbxId,
    PlaceId,
    PlayId,
    RecordingId,
)
from contracts.message import Fact
from contracts.telephony import Record
from devtools.chaos.reading import CompanyHistory, Ear, Outage, Sent, Span
from devtools.chaos.silences import (
    Hearing,
    hearing,
    joined,
    judged,
    nobody_holds_a_dead_line,
    owners,
    silences,
    total_ms,
    without,
)
from ringback.log import Reading

PBX = PbxId("pbx-north")
CALLER, AGENT = LegId("caller"), LegId("agent")
LINE, DESK = "+74950000100", Address("sip:210")
MINUTE_MS = 60_000


def a_log(*facts: tuple[int, Fact]) -> tuple[Reading, ...]:
    envelope = Envelope(
        id="x", type="x", source="gateway/north", organization_id=OrganizationId("north"), seq=1
    )
    return tuple(
        Reading(partition=0, offset=offset, at=Instant(at), envelope=envelope, fact=fact)
        for offset, (at, fact) in enumerate(facts)
    )


def arrived(at: int = 0) -> tuple[int, Fact]:
    return at, gateway.CallArrived(pbx_id=PBX, leg_id=CALLER, caller="+79000000000", line=LINE)


def dialled(at: int) -> tuple[int, Fact]:
    return at, gateway.LegRequested(pbx_id=PBX, leg_id=AGENT, address=DESK)


def answered(leg_id: LegId, at: int) -> tuple[int, Fact]:
    return at, gateway.LegAnswered(pbx_id=PBX, leg_id=leg_id)


def ended(leg_id: LegId, at: int) -> tuple[int, Fact]:
    return at, gateway.LegEnded(pbx_id=PBX, leg_id=leg_id, outcome=LegOutcome.COMPLETED, by=EndedBy.PARTY)


def a_caller(*heard: Span, spoke: Sequence[Span] = (), until: int = MINUTE_MS) -> Ear:
    return Ear(
        pbx_id=PBX,
        line=LINE,
        caller="+79000000000",
        begun_at=0,
        answered_at=1_000,
        ended_at=until,
        heard=heard,
        spoke=tuple(spoke),
    )


def an_agent(*heard: Span, spoke: Sequence[Span] = ()) -> Ear:
    return Ear(
        pbx_id=PBX,
        address=DESK,
        begun_at=20_000,
        answered_at=21_000,
        ended_at=MINUTE_MS,
        heard=heard,
        spoke=tuple(spoke),
    )


def a_morning(ears: Sequence[Ear], *facts: tuple[int, Fact]) -> CompanyHistory:
    log = a_log(arrived(), answered(CALLER, 1_000), *facts)
    return CompanyHistory(OrganizationId("north"), log, (), (), Counter(), ears=tuple(ears))


def found(company: CompanyHistory) -> list[tuple[str, int, int]]:
    return [(each.ear.name, each.from_at, each.until_at) for each in silences(company)]


WHO = f"+79000000000 at {LINE}"


def test_a_person_who_hears_music_all_the_time_is_not_in_silence() -> None:
    """Pauses of two seconds are allowed: between an announcement and the music again."""
    company = a_morning([a_caller((2_500, 30_000), (31_900, MINUTE_MS))])
    assert found(company) == []
    assert hearing([company]) == Hearing(calls=1, judged_s=58.5, answered_s=59.0, longest_s=1.9)


@pytest.mark.parametrize(
    ("heard", "silence"),
    [
        pytest.param([(4_000, MINUTE_MS)], (1_000, 4_000), id="at the beginning"),
        pytest.param([(1_000, 30_000), (33_000, MINUTE_MS)], (30_000, 33_000), id="in between"),
        pytest.param([(1_000, 50_000)], (50_000, MINUTE_MS - 500), id="at the end"),
        pytest.param([], (1_000, MINUTE_MS - 500), id="always"),
    ],
)
def test_a_longer_silence_is_found(heard: list[Span], silence: Span) -> None:
    """Wherever in the call it is."""
    assert found(a_morning([a_caller(*heard)])) == [(WHO, *silence)]


def test_nobody_is_judged_before_the_phone_itself_can_hear() -> None:
    """A phone of the town connects its sound after the answer, and a busy machine takes its time for that."""
    deaf = replace(a_caller((6_000, MINUTE_MS)), deaf_until=4_500)
    assert found(a_morning([deaf])) == []
    assert found(a_morning([replace(deaf, deaf_until=3_500)])) == [(WHO, 3_500, 6_000)]


def test_nobody_is_judged_before_the_call_is_answered() -> None:
    """Who is still ringing hears the ringing tone of the own phone."""
    assert total_ms(next(judged(a_morning([a_caller()])))[1]) == MINUTE_MS - 1_500


def test_a_silence_in_a_fault_is_allowed_and_so_is_what_recovery_needs() -> None:
    """Services are not up then; a crowd or a bad trunk excuses nobody's silence."""
    company = replace(
        a_morning([a_caller((1_000, 20_000), (31_500, MINUTE_MS))]), outages=(Outage((20_000, 30_000)),)
    )
    assert found(company) == []
    strained = replace(company, outages=(Outage((20_000, 30_000), is_for_ears=False),))
    assert found(strained) == [(WHO, 20_000, 31_500)]


def test_a_call_that_a_killed_pbx_had_is_not_judged_any_more() -> None:
    """Its person holds a dead line until hanging up; whoever calls afterwards is judged again."""
    later = replace(a_caller((41_500, 45_000), until=60_000), begun_at=40_000, answered_at=41_000)
    company = replace(
        a_morning([a_caller((1_000, 20_000)), later]), outages=(Outage((20_000, 25_000), ends_calls=True),)
    )
    assert found(company) == [(WHO, 45_000, MINUTE_MS - 500)]


def test_who_leaves_a_message_hears_nothing_meanwhile() -> None:
    """Only that: when the recording has ended, something is said again."""
    begun = gateway.RecordingRequested(pbx_id=PBX, leg_id=CALLER, recording_id=RecordingId("r"))
    spooled = gateway.RecordingSpooled(
        pbx_id=PBX, leg_id=CALLER, recording_id=RecordingId("r"), bytes=1, sha256="", duration_ms=1
    )
    record = Record(
        pbx_id=PBX, leg_id=CALLER, recording_id=RecordingId("r"), duration_ms_max=1, silence_ms_max=1
    )
    envelope = Envelope(id="x", type="x", source="x", organization_id=OrganizationId("north"), seq=1)
    company = replace(
        a_morning([a_caller((1_000, 30_000))], (30_000, begun), (50_000, spooled)),
        commands=(Sent(envelope=envelope, command=record),),
    )
    assert found(company) == [(WHO, 50_500, MINUTE_MS - 500)]
    # A recorded conversation excuses nobody: both sides hear each other.
    of_bridge = msgspec.structs.replace(record, bridge_id=BridgeId("b"))
    recorded = replace(company, commands=(Sent(envelope=envelope, command=of_bridge),))
    assert found(recorded) == [(WHO, 30_000, MINUTE_MS - 500)]


def test_after_a_question_there_is_time_for_a_key() -> None:
    """Nothing is said meanwhile, so that the key is not pressed into the next prompt."""
    play_id = PlayId("apology")
    asked = callback.ApologyMade(callback_id=CallbackId("c"), leg_id=CALLER, play_id=play_id, ask=1)
    over = gateway.PlayFinished(pbx_id=PBX, leg_id=CALLER, play_id=play_id, ok=True)
    company = a_morning([a_caller((1_000, 20_000), (29_000, 40_000))], (2_000, asked), (20_000, over))
    assert found(company) == [(WHO, 40_000, MINUTE_MS - 500)]


def test_the_ringing_tone_has_pauses_and_no_longer_ones() -> None:
    """An agent waits while the customer's phone rings: 1 s of sound, 4 s without."""
    attempt = callback.AttemptStarted(
        callback_id=CallbackId("c"),
        place_id=PlaceId("p"),
        attempt=1,
        agent_id=AgentId("a"),
        agent_leg_id=AGENT,
        whisper_play_id=PlayId("w"),
    )
    rings = callback.CustomerDialled(
        callback_id=CallbackId("c"),
        place_id=PlaceId("p"),
        attempt=1,
        leg_id=LegId("customer"),
        agent_id=AgentId("a"),
        agent_leg_id=AGENT,
    )
    agent = an_agent((21_000, 25_000), (25_200, 26_200), (30_200, 31_200), (38_200, 39_200))
    facts = (dialled(20_000), answered(AGENT, 21_000), (21_000, attempt), (25_000, rings))
    company = a_morning([a_caller((1_000, MINUTE_MS)), agent], *facts, ended(AGENT, 40_000))
    assert found(company) == [(DESK, 35_500, 38_200)]


def test_whose_leg_has_ended_has_nothing_to_hear_and_is_hung_up_soon() -> None:
    """The phone may be told late; one that is never told is another fault."""
    late = a_caller((1_000, 20_000), until=50_000)
    company = a_morning([late], ended(CALLER, 20_000))
    assert found(company) == []
    assert list(nobody_holds_a_dead_line(company)) == []
    never = a_morning([a_caller((1_000, 20_000), until=100_000)], ended(CALLER, 20_000))
    assert list(nobody_holds_a_dead_line(never)) == [
        f"{WHO} was on the line 80 s after the leg caller had ended"
    ]


def test_in_a_bridge_each_side_hears_what_the_other_says_and_need_not_hear_more() -> None:
    """The caller speaks until 40 s, and the agent never."""
    bridged = gateway.Bridged(pbx_id=PBX, bridge_id=BridgeId("b"), legs=(CALLER, AGENT))
    talk = (
        dialled(20_000),
        answered(AGENT, 21_000),
        (21_000, bridged),
        ended(CALLER, MINUTE_MS),
        ended(AGENT, MINUTE_MS),
    )
    caller = a_caller((1_000, 21_000), spoke=[(22_000, 40_000)])
    heard_all = a_morning([caller, an_agent((22_000, 40_000))], *talk)
    assert found(heard_all) == []
    heard_half = a_morning([caller, an_agent((22_000, 30_000))], *talk)
    assert found(heard_half) == [(DESK, 30_000, 40_000)]


def test_who_is_bridged_with_a_phone_that_told_nothing_may_hear_nothing() -> None:
    """Its words are not known; before the bridge nothing is excused."""
    bridged = gateway.Bridged(pbx_id=PBX, bridge_id=BridgeId("b"), legs=(CALLER, AGENT))
    company = a_morning([a_caller((1_000, 16_000))], dialled(20_000), (21_000, bridged), ended(AGENT, 50_000))
    assert found(company) == [(WHO, 16_000, 20_500), (WHO, 50_500, MINUTE_MS - 500)]


def test_two_calls_to_the_same_phone_are_two_ears() -> None:
    """Each leg belongs to the call that was there at its time; one that only rang belongs to none."""
    second = replace(an_agent(), begun_at=100_000, answered_at=101_000, ended_at=110_000)
    again, cancelled = LegId("again"), LegId("cancelled")
    company = a_morning(
        [second, an_agent()],
        (19_900, gateway.LegRequested(pbx_id=PBX, leg_id=cancelled, address=DESK)),
        ended(cancelled, 20_000),
        dialled(20_000),
        answered(AGENT, 21_000),
        ended(AGENT, MINUTE_MS),
        (100_000, gateway.LegRequested(pbx_id=PBX, leg_id=again, address=DESK)),
        answered(again, 101_000),
    )
    assert {leg_id: ear.begun_at for leg_id, ear in owners(company).items()} == {
        AGENT: 20_000,
        again: 100_000,
    }


def test_stretches_of_time_are_joined_and_cut() -> None:
    """The judgement is made of nothing else."""
    assert joined([(5, 7), (1, 3), (2, 4), (4, 5), (9, 9)]) == [(1, 7)]
    assert without([(0, 10)], [(2, 3), (5, 20)]) == [(0, 2), (3, 5)]
    assert without([(0, 10)], [(-5, 2)]) == [(2, 10)]
    assert total_ms([(0, 2), (1, 4)]) == 4
