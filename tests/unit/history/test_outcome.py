"""Whose call it was, and how it ended, in the rows that managers read."""

import pytest

from contracts import queue as q
from contracts import routing as r
from contracts import voicemail as v
from contracts.directory import ActionKind
from contracts.ids import LegId, MediaKey, OfferId, PlaceId, PlayId, RecordingId, VoiceMessageId
from contracts.queue import DivertReason, PlaceAbandoned, PlaceDiverted, Skip, SkipReason
from services.history.rules.outcome import Outcome
from services.history.state import PlaceEnd, TryEnd, TryKind
from tests.unit.history.stories import (
    ANNA,
    BORIS,
    CUSTOMER,
    LINE,
    MOSCOW,
    SALES,
    SERVICE,
    VERA,
    VOLGA,
    Office,
    a_call,
    a_department,
    an_agent,
    answered,
    at,
    connected,
    ended,
    forwarded,
    hung_up,
    missed,
    offer,
    offer_accepted,
    offer_missed,
    place,
    rung,
    taken,
)

MESSAGE = VoiceMessageId("vm.1")


def a_direct_call() -> Office:
    """A customer calls Anna, who does not answer for two minutes."""
    office = Office().say(a_call(), taken(), rung(ANNA, "t1"), at_s=1)
    return office.say(missed(ANNA, "t1"), at_s=121)


def diverted(
    action: ActionKind, reason: DivertReason = DivertReason.DEADLINE, leg: str = "in1"
) -> PlaceDiverted:
    """A place's no-answer action was carried out."""
    return PlaceDiverted(
        place_id=PlaceId(f"p.{leg}"),
        department_id=SALES,
        pbx_id=MOSCOW,
        leg_id=LegId(leg),
        caller=CUSTOMER,
        line=LINE,
        joined_at=at(0),
        action=action,
        reason=reason,
        waited_ms=600_000,
    )


def left_a_message(leg: str = "in1") -> tuple[v.RecordingAsked, v.MessageTaken, v.MessageStored]:
    """The caller speaks after the tone, and it is stored."""
    recording_id = RecordingId("vm.1.recording")
    return (
        v.RecordingAsked(voice_message_id=MESSAGE, leg_id=LegId(leg), recording_id=recording_id),
        v.MessageTaken(voice_message_id=MESSAGE, recording_id=recording_id, duration_ms=7_000),
        v.MessageStored(
            voice_message_id=MESSAGE,
            original_key=MediaKey("o"),
            mp3_key=MediaKey("m"),
            mp3_bytes=1,
            mp3_sha256="",
            speech_ms=6_000,
        ),
    )


@pytest.mark.rule("H1")
def test_a_dropped_direct_call_is_missed_by_that_employee() -> None:
    """Anna sees whom she owes a call (EC-76)."""
    office = a_direct_call().say(
        ended(r.EndReason.DROPPED, missed_by=ANNA, waited_ms=120_000), hung_up("in1"), at_s=121
    )
    row = office.row()
    assert (row.outcome, row.agent_label, row.waited_ms) == (Outcome.MISSED, "Anna", 120_000)
    assert [(each.kind, each.end) for each in office.contact().tries] == [(TryKind.DIRECT, TryEnd.MISSED)]


@pytest.mark.rule("H2")
def test_a_forwarded_call_that_the_second_answers_is_a_call_to_the_second() -> None:
    """Nobody is blamed for a call that somebody took."""
    office = a_direct_call().say(forwarded(BORIS), rung(BORIS, "t2", rule=r.Rule.NO_ANSWER), at_s=122)
    office.say(*answered(BORIS, "t2"), at_s=130).say(hung_up("t2.leg"), hung_up("in1"), at_s=190)
    office.say(ended(r.EndReason.TALKED), at_s=190)
    row = office.row()
    assert (row.outcome, row.agent_label, row.talk_ms) == (Outcome.ANSWERED, "Boris", 60_000)
    assert [each.end for each in office.contact().tries] == [TryEnd.MISSED, TryEnd.ACCEPTED]


@pytest.mark.rule("H2")
def test_a_forwarded_call_that_nobody_answers_is_missed_by_the_first() -> None:
    """The call was for Anna; that Boris was tried is kept inside (EC-78)."""
    office = a_direct_call().say(forwarded(BORIS), rung(BORIS, "t2", rule=r.Rule.NO_ANSWER), at_s=122)
    office.say(missed(BORIS, "t2"), ended(r.EndReason.DROPPED, missed_by=ANNA), hung_up("in1"), at_s=242)
    row = office.row()
    assert (row.outcome, row.agent_label) == (Outcome.MISSED, "Anna")
    tried = [each.agent.name for each in office.contact().tries if each.agent is not None]
    assert tried == ["Anna", "Boris"]


def to_the_machine(office: Office) -> Office:
    """Anna's answering machine takes the call."""
    return office.say(
        r.VoicemailReached(
            leg_id=LegId("in1"), pbx_id=MOSCOW, caller=CUSTOMER, line=LINE, arrived_at=at(1), agent_id=ANNA
        ),
        v.GreetingPlayed(
            voice_message_id=MESSAGE,
            leg_id=LegId("in1"),
            pbx_id=MOSCOW,
            department_id=None,
            agent_id=ANNA,
            caller=CUSTOMER,
            joined_at=at(1),
            play_id=PlayId("g"),
        ),
        at_s=122,
    )


@pytest.mark.rule("H3")
def test_who_hangs_up_in_the_greeting_leaves_a_plain_missed_call() -> None:
    """Nothing to hear is nothing to show (EC-59)."""
    office = to_the_machine(a_direct_call())
    office.say(
        v.MessageMissing(voice_message_id=MESSAGE, reason=v.MissingReason.HUNG_UP_IN_GREETING),
        hung_up("in1"),
        at_s=125,
    )
    row = office.row()
    assert (row.outcome, row.agent_label, row.is_voicemail, row.messages) == (
        Outcome.MISSED,
        "Anna",
        False,
        (),
    )


@pytest.mark.rule("H3")
def test_a_voice_message_stands_beneath_the_name_of_who_missed() -> None:
    """The manager sees who missed, and can play what the customer said."""
    office = to_the_machine(a_direct_call()).say(*left_a_message(), at_s=130).say(hung_up("in1"), at_s=131)
    row = office.row()
    assert (row.outcome, row.agent_label, row.is_voicemail) == (Outcome.MISSED, "Anna", True)
    assert row.messages == (MESSAGE,)
    message = office.contact().messages[0]
    assert (message.agent_id, message.mp3_key, message.speech_ms) == (ANNA, "m", 6_000)


@pytest.mark.rule("H4")
def test_a_department_call_tells_whom_it_was_offered_who_answered_and_the_wait() -> None:
    """The whole way of the call is in its row."""
    office = Office().say(a_call(), place(position=3), offer(ANNA, 1), at_s=0)
    office.say(
        offer_missed(ANNA, 1),
        offer(VERA, 2, skipped=(Skip(agent_id=ANNA, reason=SkipReason.TRIED_THIS_ROUND),)),
        at_s=20,
    )
    office.say(offer_accepted(VERA, 2), connected(VERA, 2, waited_ms=25_000), at_s=25)
    office.say(hung_up("in1"), hung_up("p.in1.o2.0"), at_s=85)
    row = office.row()
    assert (row.outcome, row.department_label, row.position) == (Outcome.ANSWERED, "Sales", 3)
    assert (row.waited_ms, row.talk_ms) == (25_000, 60_000)
    tries = office.contact().tries
    assert [(each.agent and each.agent.name, each.end) for each in tries] == [
        ("Anna", TryEnd.MISSED),
        ("Vera", TryEnd.ACCEPTED),
    ]
    assert tries[1].skipped == (Skip(agent_id=ANNA, reason=SkipReason.TRIED_THIS_ROUND),)


@pytest.mark.rule("H4", "Q7")
def test_a_caller_who_hangs_up_while_waiting_is_abandoned_with_the_time_waited() -> None:
    """Staffing rests on this number."""
    office = Office().say(a_call(), place(), at_s=0)
    office.say(hung_up("in1"), PlaceAbandoned(place_id=PlaceId("p.in1"), waited_ms=90_000), at_s=90)
    row = office.row()
    assert (row.outcome, row.agent_label, row.department_label) == (Outcome.ABANDONED, "", "Sales")
    assert row.waited_ms == 90_000


@pytest.mark.rule("H4", "Q7")
def test_a_caller_who_hangs_up_before_the_call_is_handed_over_is_abandoned_all_the_same() -> None:
    """Routing was down when the customer called: no place follows, and the department must see the call."""
    office = Office().say(a_call(), at_s=0).say(hung_up("in1"), at_s=12)
    office.say(
        taken(),
        r.DepartmentReached(
            pbx_id=MOSCOW,
            leg_id=LegId("in1"),
            department_id=SALES,
            caller=CUSTOMER,
            line=LINE,
            rule=r.Rule.DEPARTMENT_LINE,
        ),
        at_s=20,
    )
    row = office.row()
    assert (row.outcome, row.agent_label, row.department_label) == (Outcome.ABANDONED, "", "Sales")
    assert row.waited_ms == 12_000


@pytest.mark.rule("H4")
def test_an_answer_of_no_length_is_answered_and_not_missed() -> None:
    """The answer was first on the log, and so it counts (EC-3)."""
    office = Office().say(a_call(), place(), offer(ANNA, 1), at_s=0)
    office.say(offer_accepted(ANNA, 1), hung_up("in1"), connected(ANNA, 1, waited_ms=4_000), at_s=4)
    row = office.row()
    assert (row.outcome, row.agent_label, row.talk_ms, row.ended_at) == (Outcome.ANSWERED, "Anna", 0, at(4))


@pytest.mark.rule("H4", "Q5")
def test_a_fallback_employee_who_does_not_answer_leaves_the_call_to_the_department() -> None:
    """The department missed it; the fallback is a try and nobody's missed call."""
    office = Office().say(a_call(), place(), at_s=0)
    fallback = q.FallbackRung(
        place_id=PlaceId("p.in1"),
        offer_id=OfferId("f1"),
        agent_id=BORIS,
        legs=(),
        ring_ms_max=30_000,
        reason=DivertReason.DEADLINE,
    )
    office.say(fallback, at_s=600)
    office.say(
        q.OfferMissed(offer_id=OfferId("f1"), place_id=PlaceId("p.in1"), agent_id=BORIS),
        diverted(ActionKind.VOICEMAIL, DivertReason.FALLBACK_UNANSWERED),
        *left_a_message(),
        hung_up("in1"),
        at_s=630,
    )
    row = office.row()
    assert (row.outcome, row.agent_label, row.department_label) == (Outcome.MISSED, "", "Sales")
    assert (row.is_voicemail, row.reason) == (True, "fallback_unanswered")
    assert [(each.kind, each.end) for each in office.contact().tries] == [(TryKind.FALLBACK, TryEnd.MISSED)]
    assert office.contact().messages[0].department_id == SALES


@pytest.mark.rule("H4", "Q10")
def test_a_place_that_is_passed_on_stays_in_the_same_row() -> None:
    """One customer, one story, two departments in it."""
    office = Office().say(a_call(), place(), at_s=0)
    passed = q.PlaceTaken(
        place_id=PlaceId("p.in1+"),
        department_id=SERVICE,
        pbx_id=MOSCOW,
        leg_id=LegId("in1"),
        caller=CUSTOMER,
        line=LINE,
        joined_at=at(600),
        deadline_at=at(1200),
        position=1,
        passed_from=PlaceId("p.in1"),
    )
    office.say(diverted(ActionKind.OTHER_DEPARTMENT), passed, at_s=600)
    office.say(hung_up("in1"), PlaceAbandoned(place_id=PlaceId("p.in1+"), waited_ms=10_000), at_s=610)
    assert len(office.batch.contacts) == 1
    assert [(each.department.label, each.end) for each in office.contact().places] == [
        ("Sales", PlaceEnd.DIVERTED),
        ("Service (Volga)", PlaceEnd.ABANDONED),
    ]
    assert office.row().outcome is Outcome.ABANDONED


@pytest.mark.rule("O4", "O8")
def test_an_agent_of_another_pbx_has_its_name_in_brackets_and_its_number() -> None:
    """Two Veras of two PBXs are two people; the row says by which number she was reached."""
    office = Office().say(a_call(), place(), offer(VERA, 1), at_s=0)
    office.say(offer_accepted(VERA, 1), connected(VERA, 1, waited_ms=5_000), at_s=5)
    row = office.row()
    assert row.agent is not None
    assert (row.agent_label, row.agent.through) == ("Vera (Volga)", "+78460001000")


@pytest.mark.rule("O8")
def test_a_call_passed_to_another_pbx_is_shown_as_answered_there() -> None:
    """A forward across PBXs is a call to the second, through that PBX's number."""
    office = a_direct_call().say(forwarded(VERA), rung(VERA, "t2", rule=r.Rule.NO_ANSWER), at_s=122)
    office.say(*answered(VERA, "t2"), at_s=130)
    row = office.row()
    assert row.agent is not None
    assert (row.outcome, row.agent_label, row.agent.through) == (
        Outcome.ANSWERED,
        "Vera (Volga)",
        "+78460001000",
    )


@pytest.mark.rule("E8", "O4")
def test_history_keeps_the_names_of_the_time() -> None:
    """An employee who was renamed, moved or removed later keeps the name of the time."""
    office = a_direct_call().say(ended(r.EndReason.DROPPED, missed_by=ANNA), hung_up("in1"), at_s=121)
    office.say(an_agent(ANNA, "Anna Petrova", VOLGA, version=2), at_s=200)
    office.say(a_department(SALES, "Big sales", MOSCOW, version=2), at_s=200)
    assert office.row().agent_label == "Anna"


@pytest.mark.rule("D4", "H1")
def test_an_absent_employee_is_not_rung_and_still_misses_the_call() -> None:
    """The row says why nothing rang."""
    office = Office().say(a_call(), taken(), missed(ANNA, None, reason=r.MissReason.ABSENT), at_s=1)
    office.say(ended(r.EndReason.DROPPED, missed_by=ANNA), hung_up("in1"), at_s=2)
    assert office.row().agent_label == "Anna"
    assert [each.end for each in office.contact().tries] == [TryEnd.ABSENT]


@pytest.mark.rule("H1")
def test_a_call_to_a_number_that_nobody_has_is_nobodys_missed_call() -> None:
    """The row is there, and blames nobody."""
    office = Office().say(a_call(), hung_up("in1"), at_s=1)
    assert (office.row().outcome, office.row().agent_label) == (Outcome.ENDED, "")


@pytest.mark.rule("H1", "D6")
def test_a_digit_begins_a_new_trail_and_the_call_is_missed_by_its_first() -> None:
    """The caller asked for Boris in the end: Anna, tried before that choice, did not miss the call."""
    office = a_direct_call().say(rung(BORIS, "t2", rule=r.Rule.CALLERS_DIGIT), at_s=130)
    office.say(missed(BORIS, "t2"), ended(r.EndReason.DROPPED, missed_by=BORIS), hung_up("in1"), at_s=250)
    assert (office.row().outcome, office.row().agent_label) == (Outcome.MISSED, "Boris")
