"""Hang-ups, answers and reports that come late, twice, or at the same moment (Q7, Q9): one outcome each."""

from typing import Any

import pytest

from contracts import gateway, queue, telephony
from contracts.gateway import DeviceState, EndedBy, Outcome
from contracts.ids import BridgeId, LegId, PlayId
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    MOSCOW,
    SECOND,
    VERA,
    Office,
    an_office,
    by,
    mobile,
)


def on_the_line(*agents: object, **settings: Any) -> Office:
    """A caller is on the line and phones ring; the test sends what the phones report."""
    office = an_office(*agents, auto=False, **settings)  # type: ignore[arg-type]  # agents only
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    return office


@pytest.mark.rule("Q7")
def test_a_caller_who_hangs_up_is_abandoned_with_the_time_waited() -> None:
    """Reports and staffing rest on this number, so it is exact."""
    office = an_office(ANNA)
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls("c1")
    office.waits(90 * SECOND)
    office.hangs_up("c1")
    assert office.last(queue.PlaceAbandoned).waited_ms == 90 * SECOND


@pytest.mark.rule("Q7")
def test_all_three_phones_are_stopped_even_before_they_ring() -> None:
    """EC-4: no agent counts as having missed, and a late ringing changes nothing."""
    office = on_the_line(ANNA, BORIS, VERA)
    legs = [command.leg_id for command in office.said(telephony.DialLeg)]
    office.hangs_up("c1")
    assert [command.leg_id for command in office.said(telephony.CancelLeg)] == legs
    assert not any(command.is_answered_elsewhere for command in office.said(telephony.CancelLeg))
    office.hears(*(gateway.LegRinging(pbx_id=MOSCOW, leg_id=leg_id) for leg_id in legs))
    office.hears(*(office.leg_ended(leg_id, Outcome.CANCELLED, EndedBy.US) for leg_id in legs))
    assert not office.said(queue.OfferMissed)
    assert len(office.said(queue.OfferWithdrawn)) == 3
    assert list(office.state.legs) == []


@pytest.mark.rule("Q7")
def test_an_agent_who_answers_too_late_hears_that_the_caller_has_gone() -> None:
    """EC-3: the hang-up came first on the log: a short notice plays, then the leg is hung up."""
    office = on_the_line(ANNA)
    leg_id = office.offer_to(ANNA).legs[0].leg_id
    office.hangs_up("c1")
    assert office.last(telephony.CancelLeg).keeps_answered
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))
    notice = office.last(telephony.Play)
    assert notice.leg_id == leg_id
    assert "caller_gone" in notice.media[0]
    office.hears(office.replies(notice)[0])
    assert office.last(telephony.HangUp).leg_id == leg_id
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED, EndedBy.US))
    assert not office.said(queue.OfferAccepted)
    assert list(office.state.legs) == []


@pytest.mark.rule("Q7")
def test_an_agent_who_had_accepted_hears_that_the_caller_has_gone_and_is_free() -> None:
    """EC-3 while the bridge is being made: the place is abandoned, and the agent is free afterwards."""
    office = on_the_line(ANNA)
    office.answers(ANNA)
    office.hangs_up("c1")
    assert office.said(queue.PlaceAbandoned)
    notice = office.last(telephony.Play)
    assert "caller_gone" in notice.media[0]
    office.hears(office.replies(notice)[0], office.leg_ended(notice.leg_id, Outcome.COMPLETED, EndedBy.US))
    assert office.last(queue.AgentFreed).agent_id == ANNA
    office.calls("c2")
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("Q7")
def test_m2_an_agent_in_the_whisper_hears_at_once_that_the_caller_has_gone() -> None:
    """The goodbye interrupts the whisper, and the agent does not wait for the end of the goodbye."""
    office = an_office(ANNA, auto=False)
    office.saves(office.agent(ANNA, mobile()))
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    office.answers(ANNA)
    office.presses(office.offer_to(ANNA).legs[0].leg_id, "1")
    whisper = office.last(telephony.Play)
    assert "whisper_call" in whisper.media[0]
    assert whisper.interrupts  # the key was pressed before the request had played to its end
    office.hangs_up("c1")
    goodbye = office.last(telephony.Play)
    assert "caller_gone" in goodbye.media[0]
    assert goodbye.interrupts
    office.waits(900)
    assert office.last(telephony.HangUp).leg_id == goodbye.leg_id


def test_a_goodbye_whose_end_is_never_reported_is_hung_up() -> None:
    """The agent is not held on a silent leg."""
    office = on_the_line(ANNA)
    office.answers(ANNA)
    office.hangs_up("c1")
    office.waits(5 * SECOND)
    assert office.last(telephony.HangUp).reason == "goodbye"


@pytest.mark.rule("Q9")
def test_an_answer_that_is_first_on_the_log_counts_even_for_no_time_at_all() -> None:
    """EC-3: a hang-up right after the bridge is answered with 0 s, never both."""
    office = on_the_line(ANNA)
    office.answers(ANNA)
    office.hears(office.replies(office.last(telephony.Bridge))[0])
    office.hangs_up("c1")
    assert len(office.said(queue.PlaceConnected)) == 1
    assert not office.said(queue.PlaceAbandoned)
    assert office.last(telephony.HangUp).leg_id == office.state.activity(ANNA).leg_id


@pytest.mark.rule("Q9")
def test_of_two_answers_the_first_on_the_log_wins_and_the_other_hears_goodbye() -> None:
    """The second agent hears that the caller has gone."""
    office = on_the_line(ANNA, BORIS)
    second = office.offer_to(ANNA).legs[0].leg_id
    office.answers(BORIS)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=second))
    assert [fact.agent_id for fact in office.said(queue.OfferAccepted)] == [BORIS]
    assert office.end_of(ANNA) is queue.OfferWithdrawn
    assert office.last(telephony.Play).leg_id == second
    office.hears(office.leg_ended(second, Outcome.COMPLETED, EndedBy.US))
    assert not office.has_offer(ANNA)
    assert office.state.activity(ANNA).leg_id is None


@pytest.mark.rule("Q9")
def test_a_winner_who_drops_before_the_bridge_re_opens_the_place_for_others() -> None:
    """The caller keeps the place; the others ring again, the winner not in this round."""
    office = on_the_line(ANNA, BORIS)
    office.answers(ANNA)
    office.hears(office.leg_ended(office.said(telephony.CancelLeg)[-1].leg_id, Outcome.CANCELLED))
    assert office.ringing("c1") == []
    office.finishes(ANNA)
    assert office.last(queue.OfferReopened).agent_id == ANNA
    assert office.ringing("c1") == [BORIS]
    assert office.place("c1").joined_at == office.state.now_at


@pytest.mark.rule("Q9")
def test_the_only_agent_who_drops_before_the_bridge_is_rung_again_after_the_pause() -> None:
    """There is no tight loop, and the caller is not forgotten."""
    office = on_the_line(ANNA)
    office.answers(ANNA)
    office.finishes(ANNA)
    assert office.ringing("c1") == []
    office.waits(5 * SECOND)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("Q9", "C1")
def test_a_caller_not_invited_because_an_agent_had_accepted_is_invited_later() -> None:
    """The invitation was due while a bridge was being made that then failed."""
    office = on_the_line(ANNA)
    office.waits(24 * SECOND)
    office.answers(ANNA)
    office.waits(10 * SECOND)
    office.finishes(ANNA)
    office.waits(0)
    assert [fact.kind for fact in office.said(queue.AnnouncementMade)].count(
        queue.AnnouncementKind.INVITATION
    ) == 1


@pytest.mark.rule("Q9")
def test_a_bridge_that_is_never_reported_frees_both() -> None:
    """Half a minute later the agent's leg is hung up; the caller hears music and is offered again."""
    office = on_the_line(ANNA, BORIS, strategy=by("linear"))
    office.answers(ANNA)
    office.waits(30 * SECOND)
    assert office.last(telephony.HangUp).leg_id == office.state.activity(ANNA).leg_id
    assert office.last(telephony.StartHoldMusic).leg_id == "c1"
    assert office.ringing("c1") == [BORIS]


@pytest.mark.rule("Q9")
def test_a_bridge_reported_after_the_hang_up_changes_nothing() -> None:
    """The place has ended: it does not end twice."""
    office = on_the_line(ANNA)
    office.answers(ANNA)
    late = office.replies(office.last(telephony.Bridge))[0]
    office.hangs_up("c1")
    office.hears(late)
    assert not office.said(queue.PlaceConnected)


def test_when_one_side_of_a_call_hangs_up_the_other_is_hung_up() -> None:
    """The service that bridged hangs up the other leg."""
    office = an_office(ANNA)
    office.calls("c1")
    office.answers(ANNA)
    office.finishes(ANNA)
    assert office.last(telephony.HangUp).leg_id == "c1"
    assert list(office.state.legs) == []


def test_a_repeated_answer_of_a_talking_agent_does_not_end_the_call() -> None:
    """Real networks repeat replies."""
    office = on_the_line(ANNA)
    leg_id = office.offer_to(ANNA).legs[0].leg_id
    office.answers(ANNA)
    office.hears(office.replies(office.last(telephony.Bridge))[0])
    said = len(office.commands)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))
    assert office.commands[said:] == []


def test_a_repeated_answer_of_a_caller_is_greeted_once() -> None:
    """The caller hears one welcome."""
    office = on_the_line(ANNA)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    assert len(office.said(telephony.Play)) == 1


def test_facts_about_legs_nobody_knows_change_nothing() -> None:
    """The legs ended long ago, or belong to another service."""
    office = on_the_line(ANNA)
    said = len(office.facts), len(office.commands)
    unknown = LegId("unknown")
    office.hears(
        office.leg_ended(unknown, Outcome.COMPLETED),
        gateway.LegAnswered(pbx_id=MOSCOW, leg_id=unknown),
        gateway.LegRinging(pbx_id=MOSCOW, leg_id=unknown),
        gateway.DigitsEntered(pbx_id=MOSCOW, leg_id=unknown, digits="1"),
        gateway.PlayFinished(pbx_id=MOSCOW, leg_id=unknown, play_id=PlayId("x"), ok=False),
        gateway.Bridged(pbx_id=MOSCOW, bridge_id=BridgeId("x"), legs=(unknown, LegId("c1"))),
        gateway.CommandRefused(pbx_id=MOSCOW, command="telephony.dial_leg", reason="gone", leg_id=unknown),
    )
    assert (len(office.facts), len(office.commands)) == said


def test_a_refused_dialling_leaves_the_other_phones_and_no_record() -> None:
    """The mobile still rings; if it is refused as well, the agent counts as unreachable."""
    office = an_office(ANNA, auto=False)
    office.saves(office.agent(ANNA, *office.state.agents[ANNA].saved.devices, mobile(delay_ms=5_000)))  # type: ignore[union-attr]  # just saved
    office.calls("c1")
    refused = [
        gateway.CommandRefused(
            pbx_id=MOSCOW, command="telephony.dial_leg", reason="emergency", leg_id=leg.leg_id
        )
        for leg in office.offer_to(ANNA).legs
    ]
    office.hears(refused[0])
    assert office.last(telephony.DialLeg).address.startswith("tel:"), "not five seconds later: now"
    office.hears(refused[1])
    assert office.last(queue.OfferUnreachable).reason == "emergency"
    assert [leg.leg_id for leg in office.state.legs] == ["c1"]


def test_a_caller_whom_we_were_too_late_to_answer_is_answered_now() -> None:
    """The gateway was away for half a minute; the caller still rings."""
    office = an_office(ANNA, auto=False)
    office.calls("c1")
    office.hears(
        gateway.CommandRefused(
            pbx_id=MOSCOW, command="telephony.answer_leg", reason="too_late", leg_id=LegId("c1")
        ),
        after_ms=MINUTE,
    )
    answers = office.said(telephony.AnswerLeg)
    assert len(answers) == 2
    assert (answers[1].not_after or 0) > office.at


def test_the_same_call_arriving_twice_takes_one_place() -> None:
    """A repeated report is not a second caller."""
    office = on_the_line(ANNA)
    office.calls("c1")
    assert len(office.said(queue.PlaceTaken)) == 1
