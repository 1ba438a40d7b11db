"""A callback withdrawn by an agent or by the API (C9): nothing is dialled any more, nobody is cut off."""

import pytest

from contracts import callback, directory, queue, telephony
from contracts.gateway import Outcome
from contracts.ids import AgentId, CallbackId
from contracts.prompts import Prompt
from tests.unit.callback.stories import (
    PBX,
    Office,
    accepted,
    an_office,
    answered,
    apologizing,
    cb,
    deadline_passed,
    dialling,
    ended,
    message_missing,
    message_taken,
    ordered,
    place,
    place_connected,
    played,
    pressed,
    pressed_one,
    ready,
    talked,
    whispering,
)

BORIS = AgentId("boris")


def cancel_asked(name: str = "c1", by: AgentId | None = BORIS) -> directory.CallbackCancelAsked:
    """Boris, or somebody through the API, withdraws a callback."""
    return directory.CallbackCancelAsked(callback_id=cb(name), by=by)


def is_over(office: Office) -> bool:
    """Whether the office has no callback left."""
    return len(office.state.callbacks) == 0


@pytest.mark.rule("C9", "C13")
@pytest.mark.parametrize(("by", "reason"), [(BORIS, "by_agent"), (None, "by_api")])
def test_a_waiting_callback_is_withdrawn_with_who_and_why(by: AgentId | None, reason: str) -> None:
    """The customer has called a manager's mobile: nobody rings again, and the story says who withdrew it."""
    office = ordered()
    office.hears(cancel_asked(by=by))
    cancelled = office.last(callback.CallbackCancelled)
    assert (cancelled.callback_id, cancelled.reason) == (cb(), reason)
    asked = next(step for step in cancelled.story if step.what == "cancel_asked")
    assert (asked.agent_id, asked.reason) == (by, reason)
    assert is_over(office)


@pytest.mark.rule("C9")
def test_a_cancelled_callback_never_dials() -> None:
    """Neither for an agent who comes a moment too late, nor at the deadline."""
    office = ordered()
    office.hears(cancel_asked(), ready(), deadline_passed())
    office.waits(3_600_000)
    assert not office.said(telephony.DialLeg)
    assert len(office.said(callback.CallbackCancelled)) == 1


@pytest.mark.rule("C9")
def test_a_leg_that_rings_the_customer_is_cancelled_and_the_agent_is_told_and_freed() -> None:
    """The phone stops ringing; the agent hears why, then the line is hung up."""
    office, leg_id = dialling()
    office.hears(cancel_asked())
    assert telephony.HangUp(pbx_id=PBX, leg_id=leg_id, reason="callback_ended") in office.commands
    told = office.last(telephony.Play)
    assert (told.leg_id, told.media[0].endswith(f"{Prompt.CALLBACK_CANCELLED}.wav")) == ("anna.leg", True)
    office.hears(played(told))
    assert office.last(telephony.HangUp).leg_id == "anna.leg"


@pytest.mark.rule("C9")
def test_an_agent_who_hears_the_whisper_is_told_and_freed() -> None:
    """The customer's phone has not even rung."""
    office = whispering()
    office.hears(cancel_asked())
    office.hears(played(office.last(telephony.Play)))
    assert office.last(telephony.HangUp).leg_id == "anna.leg"
    assert not office.said(telephony.DialLeg)


@pytest.mark.rule("C9", "C4")
@pytest.mark.parametrize("is_dialled", [False, True])
def test_an_apology_call_is_withdrawn_too(is_dialled: bool) -> None:
    """Before it is dialled, or while it rings."""
    office = ordered()
    if is_dialled:
        office.hears(deadline_passed())
    else:
        others = [f"busy{number}" for number in range(5)]
        for number, name in enumerate(others):
            ordered(name, caller=f"+7912345670{number}", office=office)
            office.hears(deadline_passed(name))
        office.hears(deadline_passed())
    dials = len(office.said(telephony.DialLeg))
    office.hears(cancel_asked())
    assert office.last(callback.CallbackCancelled).callback_id == cb()
    office.waits(120_000)
    assert cb() not in [fact.callback_id for fact in office.said(callback.ApologyDialled)[1:]]
    assert len([each for each in office.said(telephony.DialLeg)[dials:] if "c1" in each.leg_id]) == 0
    if is_dialled:
        assert office.last(telephony.HangUp).leg_id == office.last(callback.ApologyDialled).leg_id


@pytest.mark.rule("C9")
def test_a_customer_who_hears_the_apology_is_let_go() -> None:
    """As with the customer's own «0», nothing is left to say."""
    office, leg_id = apologizing()
    office.hears(cancel_asked())
    assert office.last(telephony.HangUp).leg_id == leg_id
    assert not office.said(callback.CallbackExpired)


@pytest.mark.rule("C9", "C1")
def test_withdrawn_while_the_order_is_read_back_the_line_is_hung_up() -> None:
    """Otherwise the customer would wait on a line for which there is no place."""
    office = an_office()
    office.hears(pressed_one(), cancel_asked())
    assert office.last(telephony.HangUp).leg_id == "c1"
    office.hears(ended("c1"))
    assert is_over(office)


@pytest.mark.rule("C9", "C3")
def test_a_customer_about_to_be_bridged_on_the_ordering_leg_stays_on_the_line() -> None:
    """An agent has just accepted that very leg: the order is void, and the two still talk."""
    office = an_office()
    office.hears(pressed_one(), accepted(), cancel_asked())
    assert office.last(callback.CallbackCancelled).keeps_line
    assert not office.said(telephony.HangUp)
    office.hears(queue.OfferReopened(place_id=place(), agent_id=AgentId("anna")), pressed("c1", "0"))
    assert not office.said(telephony.HangUp)
    assert len(office.state.orders) == 0


@pytest.mark.rule("C9", "C7")
def test_a_customer_who_waits_for_the_next_agent_on_the_line_stays_there() -> None:
    """«One moment» was said: hanging up now would be a third insult."""
    office, leg_id = dialling()
    office.hears(answered(leg_id), ended("anna.leg"))
    assert office.said(callback.CustomerHeld)
    office.hears(cancel_asked())
    assert office.last(callback.CallbackCancelled).keeps_line
    assert leg_id not in [each.leg_id for each in office.said(telephony.HangUp)]


@pytest.mark.rule("C9")
def test_two_who_are_just_being_bridged_talk() -> None:
    """The withdrawal came too late: the customer has said hello."""
    office, leg_id = dialling()
    office.hears(answered(leg_id), cancel_asked())
    assert talked(office).callback_id == cb()


@pytest.mark.rule("C9")
def test_if_that_bridge_fails_nobody_is_dialled_again() -> None:
    """The withdrawal is remembered."""
    office, leg_id = dialling()
    office.hears(answered(leg_id), cancel_asked(), ended(leg_id, Outcome.COMPLETED))
    assert office.last(callback.CallbackCancelled).reason == "by_agent"
    assert not office.said(callback.AttemptFailed)


@pytest.mark.rule("C9", "V1")
@pytest.mark.parametrize("has_message", [True, False])
def test_a_voice_message_that_is_being_spoken_is_kept(has_message: bool) -> None:
    """What a customer says is worth more than the button."""
    office, leg_id = apologizing()
    office.hears(pressed(leg_id, "1"), cancel_asked())
    assert not office.said(callback.CallbackCancelled)
    office.hears(message_taken() if has_message else message_missing())
    assert office.last(callback.CallbackExpired).has_voice_message is has_message


@pytest.mark.rule("C9", "C13")
def test_what_is_unknown_or_has_ended_stays_as_it_is() -> None:
    """A second press or an invented id changes nothing, and a callback ends once."""
    office = ordered()
    office.hears(cancel_asked(), cancel_asked())
    office.hears(directory.CallbackCancelAsked(callback_id=CallbackId("nobody's")))
    assert len(office.said(callback.CallbackCancelled)) == 1
    office = an_office()
    office.hears(pressed_one(), accepted(), place_connected("c1", "anna", "c1"), cancel_asked())
    assert [fact.reason for fact in office.said(callback.CallbackCancelled)] == ["talked_on_ordering_leg"]
