"""Recordings of callbacks (R1): the customer is told before the bridge."""

import msgspec
import pytest

from contracts import callback, telephony
from contracts.gateway import Outcome
from contracts.ids import LegId
from contracts.prompts import Prompt
from tests.unit.callback.stories import (
    Office,
    a_department,
    an_office,
    answered,
    dialling,
    ended,
    ordered,
    played,
    talked,
)


def answered_where_calls_are_recorded() -> tuple[Office, LegId]:
    """The customer has picked up, in a department that records."""
    office = an_office()
    office.hears(msgspec.structs.replace(a_department(version=2), records_calls=True))
    office, leg_id = dialling(office=ordered(office=office))
    office.hears(answered(leg_id))
    return office, leg_id


@pytest.mark.rule("R1", "C3")
def test_the_customer_is_told_before_the_bridge_and_recorded_from_it_on() -> None:
    """This holds for calls to the customer, too; the log shows the order of things."""
    office, leg_id = answered_where_calls_are_recorded()
    told = office.last(telephony.Play)
    assert (told.leg_id, told.media[0].endswith(f"/{Prompt.CALL_RECORDED}.wav")) == (leg_id, True)
    assert office.last(callback.CustomerAnswered).play_id == told.play_id
    assert not office.said(telephony.Bridge)
    office.hears(played(told))
    bridge = office.last(telephony.Bridge)
    assert not office.said(telephony.Record)
    connected = talked(office)
    record = office.last(telephony.Record)
    assert (record.leg_id, record.bridge_id, record.tone) == (leg_id, bridge.bridge_id, False)
    assert connected.recording_id == record.recording_id


@pytest.mark.rule("R1")
def test_a_customer_who_could_not_be_told_is_connected_and_not_recorded() -> None:
    """A notice that is missing costs nobody the call."""
    office, _ = answered_where_calls_are_recorded()
    office.hears(played(office.last(telephony.Play), ok=False))
    assert talked(office).recording_id is None
    assert not office.said(telephony.Record)


@pytest.mark.rule("R1", "C7")
def test_an_agent_who_drops_while_the_customer_is_told_leaves_a_held_customer() -> None:
    """«One moment» follows; the next agent is queue's to bridge."""
    office, leg_id = answered_where_calls_are_recorded()
    office.hears(ended("anna.leg"))
    assert office.last(callback.CustomerHeld).leg_id == leg_id
    office.hears(played(office.said(telephony.Play)[-2]))
    assert not office.said(telephony.Bridge)


@pytest.mark.rule("R1", "C6")
def test_a_customer_who_hangs_up_on_hearing_it_was_not_reached() -> None:
    """Anna is told and freed."""
    office, leg_id = answered_where_calls_are_recorded()
    office.hears(ended(leg_id, Outcome.COMPLETED))
    assert office.last(callback.AttemptFailed).agent_id == "anna"


@pytest.mark.rule("R1")
def test_a_notice_whose_end_is_never_told_keeps_nobody_for_ever() -> None:
    """The attempt fails, as with any bridge that does not come."""
    office, leg_id = answered_where_calls_are_recorded()
    office.waits(60_000)
    assert office.last(callback.AttemptFailed).outcome is Outcome.FAILED
    assert leg_id in [each.leg_id for each in office.said(telephony.HangUp)]


@pytest.mark.rule("R1")
def test_nothing_is_recorded_by_default() -> None:
    """It is a switch."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    assert talked(office).recording_id is None
    assert not office.said(telephony.Record)
