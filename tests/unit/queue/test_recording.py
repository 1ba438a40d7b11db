"""Recordings of conversations (R1): the caller is told first; both sides are recorded during the bridge."""

from typing import Any

import pytest

from contracts import gateway, queue, telephony
from contracts.gateway import DeviceState
from contracts.prompts import Prompt
from tests.unit.queue.callback_stories import with_anna_busy
from tests.unit.queue.stories import ANNA, BORIS, SECOND, Office, action, an_office, mobile


def a_recording_office(**settings: Any) -> Office:
    """Sales records its calls; the test sends what phones report."""
    return an_office(ANNA, auto=False, records_calls=True, **settings)


def answered(office: Office) -> None:
    """A caller is on the line, and Anna picks up."""
    office.calls("c1")
    office.hears(*office.replies(office.last(telephony.AnswerLeg)))
    office.answers(ANNA)


def told(office: Office) -> telephony.Play:
    """The play that tells the caller of the recording."""
    return next(play for play in office.said(telephony.Play) if is_about_recording(play))


def is_about_recording(play: telephony.Play) -> bool:
    """Whether a play is the notice of the recording."""
    return any(key.endswith(f"/{Prompt.CALL_RECORDED}.wav") for key in play.media)


def bridged(office: Office) -> None:
    """The PBX has made the last bridge."""
    office.hears(*office.replies(office.last(telephony.Bridge)))


@pytest.mark.rule("R1")
def test_the_caller_is_told_before_the_bridge_and_recorded_from_it_on() -> None:
    """No caller is recorded unawares; the recording has neither whisper nor waiting."""
    office = a_recording_office()
    answered(office)
    assert told(office).leg_id == "c1"
    assert not office.said(telephony.Bridge)
    assert not office.said(telephony.Record)
    office.hears(*office.replies(told(office)))
    bridge = office.last(telephony.Bridge)
    assert not office.said(telephony.Record)
    bridged(office)
    record = office.last(telephony.Record)
    assert (record.leg_id, record.bridge_id, record.tone, record.terminators) == (
        "c1",
        bridge.bridge_id,
        False,
        "",
    )
    assert office.last(queue.PlaceConnected).recording_id == record.recording_id


@pytest.mark.rule("R1")
def test_m2_the_notice_interrupts_an_announcement() -> None:
    """A caller who hears «you are third» to its end keeps the agent waiting."""
    office = a_recording_office()
    answered(office)
    assert told(office).interrupts


@pytest.mark.rule("R1", "G5")
@pytest.mark.parametrize("first", ["whisper", "notice"])
def test_with_a_whisper_the_bridge_waits_for_both(first: str) -> None:
    """The agent on a mobile hears the number while the caller hears of the recording."""
    office = a_recording_office()
    office.saves(office.agent(ANNA, mobile()))
    office.calls("c1")
    office.hears(*office.replies(office.last(telephony.AnswerLeg)))
    office.answers(ANNA)
    office.presses(office.offer_to(ANNA).legs[0].leg_id, "1")
    plays = [play for play in office.said(telephony.Play) if play.play_id.endswith((".w", ".r"))]
    whisper, notice = sorted(plays, key=lambda play: play.play_id.endswith(".r"))
    early, late = (whisper, notice) if first == "whisper" else (notice, whisper)
    office.hears(*office.replies(early))
    assert not office.said(telephony.Bridge)
    office.hears(*office.replies(late))
    assert len(office.said(telephony.Bridge)) == 1


@pytest.mark.rule("R1")
def test_a_caller_who_could_not_be_told_is_connected_and_not_recorded() -> None:
    """A missing notice prevents the recording, not the call."""
    office = a_recording_office()
    answered(office)
    play = told(office)
    office.hears(gateway.PlayFinished(pbx_id=play.pbx_id, leg_id=play.leg_id, play_id=play.play_id, ok=False))
    bridged(office)
    assert office.last(queue.PlaceConnected).recording_id is None
    assert not office.said(telephony.Record)


@pytest.mark.rule("R1")
def test_nothing_is_recorded_by_default() -> None:
    """The department must switch it on; otherwise the bridge does not wait."""
    office = an_office(ANNA)
    office.calls("c1")
    office.answers(ANNA)
    assert office.last(queue.PlaceConnected).recording_id is None
    assert not any(is_about_recording(play) for play in office.said(telephony.Play))


@pytest.mark.rule("R1", "G4")
@pytest.mark.parametrize("caller", ["112", "101"])
def test_an_emergency_service_that_calls_is_never_recorded(caller: str) -> None:
    """It does not hear the notice of the recording either."""
    office = an_office(ANNA, records_calls=True)
    office.calls("c1", caller=caller)
    office.answers(ANNA)
    assert office.last(queue.PlaceConnected).recording_id is None
    assert not office.said(telephony.Record)


@pytest.mark.rule("R1", "Q9")
def test_a_caller_who_was_told_once_is_not_told_again_for_the_next_agent() -> None:
    """Anna dropped before the bridge; the call with Boris is recorded."""
    office = an_office(ANNA, BORIS, auto=False, records_calls=True)
    answered(office)
    office.hears(*office.replies(told(office)))
    office.finishes(ANNA)
    office.waits(5 * SECOND)
    office.answers(BORIS)
    assert len([play for play in office.said(telephony.Play) if is_about_recording(play)]) == 1
    bridged(office)
    assert office.last(telephony.Record).leg_id == "c1"


@pytest.mark.rule("R1", "Q5")
def test_the_fallback_employees_conversation_is_recorded_too() -> None:
    """It is a call of the department."""
    office = with_anna_busy(
        records_calls=True,
        no_answer_ms=60_000,
        no_answer_action=action("fallback_employee", agent_id=BORIS),
    )
    office.saves(office.agent(BORIS))
    office.calls("c1")
    office.waits(60_000)
    office.answers(BORIS)
    assert office.last(telephony.Record).leg_id == "c1"


@pytest.mark.rule("R1", "C7")
def test_a_customer_who_was_held_is_told_before_the_next_agent() -> None:
    """The same holds on a leg that callback dialled."""
    office = with_anna_busy(records_calls=True)
    office.calls("c1")
    office.orders("c1", hangs_up=False)
    office.phone_is(ANNA, DeviceState.IDLE)
    office.answers(ANNA)
    assert told(office).leg_id == "c1"
    assert office.last(telephony.Record).leg_id == "c1"
