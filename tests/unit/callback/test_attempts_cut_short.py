"""Attempts that are cut short: the agent goes, the gateway refuses, nothing is heard."""

import pytest

from contracts import callback, gateway, queue, telephony
from contracts.gateway import EndedBy, Outcome
from contracts.ids import AgentId, Instant, LegId
from tests.unit.callback.stories import (
    NINE,
    PBX,
    TEN_MINUTES_MS,
    Office,
    accepted,
    an_office,
    answered,
    bridged,
    cb,
    deadline_passed,
    dialling,
    ended,
    fails,
    given_up,
    ordered,
    place,
    place_connected,
    played,
    ready,
    refused,
    requested,
    talked,
    whispering,
)

GAP_MS = 60_000
GIVE_UP_AT = NINE + TEN_MINUTES_MS + GAP_MS


def agent_freed(agent: str = "anna") -> queue.AgentFreed:
    """Queue says that this agent's leg has ended."""
    return queue.AgentFreed(agent_id=AgentId(agent), cause="leg_ended", idle_since_at=Instant(NINE))


def media_names(play: telephony.Play) -> list[str]:
    """The prompts of a play."""
    return [key.rpartition("/")[2].removesuffix(".wav") for key in play.media]


@pytest.mark.rule("C7")
def test_an_agent_who_goes_in_the_whisper_leaves_the_place_as_it_was() -> None:
    """Nobody was dialled: the deadline stays, and an apology is still possible."""
    office = whispering()
    decision = office.hears(ended("anna.leg"))
    assert decision.facts == (
        callback.AgentLost(callback_id=cb(), place_id=place(), agent_id=AgentId("anna"), give_up_at=None),
    )
    assert decision.commands == ()
    office.hears(deadline_passed())
    assert len(office.said(callback.ApologyQueued)) == 1


@pytest.mark.rule("C7", "C9")
def test_an_agent_who_goes_while_the_customers_phone_rings_stops_it() -> None:
    """The place is first again, and the next agent dials anew."""
    office, leg_id = dialling()
    decision = office.hears(ended("anna.leg"))
    (lost,) = decision.facts
    assert isinstance(lost, callback.AgentLost)
    assert lost.give_up_at == GIVE_UP_AT
    assert decision.commands == (telephony.CancelLeg(pbx_id=PBX, leg_id=leg_id, keeps_answered=True),)
    office.hears(ended(leg_id, Outcome.CANCELLED, EndedBy.US))
    office.hears(ready(agent="boris"))
    office.hears(played(office.last(telephony.Play)))
    dialled = office.last(callback.CustomerDialled)
    assert (dialled.agent_id, dialled.leg_id) == ("boris", "cb.p.c1.dial2")


@pytest.mark.rule("C3", "C7")
def test_nobody_is_dialled_while_a_cancelled_leg_still_rings() -> None:
    """With two legs to one phone the second would be busy because of the first."""
    office, leg_id = dialling()
    office.hears(ended("anna.leg"), ready(agent="boris"))
    office.hears(played(office.last(telephony.Play)))
    assert len(office.said(telephony.DialLeg)) == 1
    office.hears(ended(leg_id, Outcome.CANCELLED, EndedBy.US))
    assert len(office.said(telephony.DialLeg)) == 2


@pytest.mark.rule("C3", "C7")
def test_a_cancelled_leg_of_which_nothing_is_heard_does_not_block_for_ever() -> None:
    """The agent has waited long enough: the leg is hung up, and the customer is dialled."""
    office, leg_id = dialling()
    office.hears(ended("anna.leg"), ready(agent="boris"))
    office.hears(played(office.last(telephony.Play)))
    office.waits(60_000)
    hang_up = telephony.HangUp(pbx_id=PBX, leg_id=leg_id, reason="silent")
    assert hang_up in office.commands
    assert len(office.said(telephony.DialLeg)) == 2


@pytest.mark.rule("C7")
def test_a_customer_who_answers_just_after_the_agent_went_hears_one_moment() -> None:
    """The cancel came too late: the customer is on the line and gets the next free agent."""
    office, leg_id = dialling()
    office.hears(ended("anna.leg"))
    decision = office.hears(answered(leg_id))
    (held,) = decision.facts
    assert isinstance(held, callback.CustomerHeld)
    assert (held.leg_id, held.until_at) == (leg_id, office.at + 30_000)
    play, music = decision.commands
    assert isinstance(play, telephony.Play)
    assert media_names(play) == ["one_moment"]
    assert isinstance(music, telephony.StartHoldMusic)


@pytest.mark.rule("C7")
def test_an_agent_who_drops_before_the_bridge_leaves_the_customer_to_the_next() -> None:
    """Q9's winner who drops, with the customer already on the line."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    (held,) = office.hears(ended("anna.leg")).facts
    assert isinstance(held, callback.CustomerHeld)
    office.hears(accepted(agent="boris"))
    (connected,) = office.hears(place_connected("c1", "boris", leg_id)).facts
    assert isinstance(connected, callback.CallbackConnected)
    assert (connected.agent_id, connected.leg_id) == ("boris", leg_id)
    assert len(office.state.pairs) == 0, "queue bridged them, and queue clears up"


@pytest.mark.rule("C7", "C3")
def test_a_customer_who_answers_while_the_next_agent_hears_the_whisper_gets_that_agent() -> None:
    """One leg of a customer, one agent: this agent is the next free one."""
    office, leg_id = dialling()
    office.hears(ended("anna.leg"), ready(agent="boris"))
    decision = office.hears(answered(leg_id))
    (bridge,) = decision.commands
    assert isinstance(bridge, telephony.Bridge)
    assert bridge.legs == ("boris.leg", leg_id)
    assert talked(office).agent_id == "boris"


@pytest.mark.rule("C7")
def test_nobody_comes_for_a_held_customer_an_apology_on_the_same_leg() -> None:
    """No further call is needed: the customer is on the line."""
    office, leg_id = dialling()
    office.hears(answered(leg_id), ended("anna.leg"))
    decision = office.hears(deadline_passed(), after_ms=30_000)
    (made,) = decision.facts
    assert isinstance(made, callback.ApologyMade)
    assert (made.leg_id, made.ask) == (leg_id, 1)
    assert len(office.said(telephony.DialLeg)) == 1
    office.hears(gateway.DigitsEntered(pbx_id=PBX, leg_id=leg_id, digits="1"))
    assert office.last(callback.MessageWanted).leg_id == leg_id


@pytest.mark.rule("C7", "C6")
def test_a_held_customer_who_hangs_up_may_be_tried_again() -> None:
    """The customer was reached and nobody was there: that attempt failed, and the next one follows."""
    office, leg_id = dialling()
    office.hears(answered(leg_id), ended("anna.leg"))
    decision = office.hears(ended(leg_id))
    (failed,) = decision.facts
    assert isinstance(failed, callback.AttemptFailed)
    assert failed.next_attempt_at == office.at + GAP_MS
    assert decision.commands == (), "no agent is left to be told"


@pytest.mark.rule("C7")
def test_the_last_agent_lost_ends_it_once_the_customers_leg_is_over() -> None:
    """After two attempts none is left; until the leg has ended the customer might still pick up."""
    office, leg_id = dialling()
    fails(office, leg_id)
    office, leg_id = dialling(office=office)
    office.hears(ended("anna.leg"))
    assert office.said(callback.CallbackUnreached) == []
    (unreached,) = office.hears(ended(leg_id, Outcome.CANCELLED, EndedBy.US)).facts
    assert isinstance(unreached, callback.CallbackUnreached)
    assert unreached.reason == "agent_lost"


@pytest.mark.rule("C7")
def test_the_last_agent_lost_and_nothing_heard_of_the_leg_ends_it_too() -> None:
    """Nobody waits for a fact that does not come."""
    office, leg_id = dialling()
    fails(office, leg_id)
    office, leg_id = dialling(office=office)
    office.hears(ended("anna.leg"))
    office.waits(TEN_MINUTES_MS)
    assert office.last(callback.CallbackUnreached).reason == "agent_lost"
    assert office.last(telephony.HangUp).leg_id == leg_id


@pytest.mark.rule("C3")
def test_an_agent_whose_leg_ended_before_he_was_ours_is_noticed() -> None:
    """leg_ended stands before agent_ready on the log: queue's `agent_freed` after it says so again."""
    office = ordered()
    office.hears(ended("anna.leg"), ready(), agent_freed())
    assert office.last(callback.AgentLost).agent_id == "anna"
    assert office.hears(agent_freed()).facts == ()
    assert office.said(telephony.DialLeg) == []


def test_an_agent_freed_of_something_else_is_not_lost() -> None:
    """Only an agent of an attempt can be lost in it."""
    office, _ = dialling()
    assert office.hears(agent_freed("boris")).facts == ()


@pytest.mark.rule("C9")
def test_an_agent_who_is_ready_for_a_callback_that_has_ended_is_told_and_freed() -> None:
    """The customer cancelled in the moment in which the agent answered."""
    office = ordered()
    office.hears(deadline_passed(), ended("cb.p.c1.apology1"))
    office.hears(queue.PlaceAbandoned(place_id=place("other"), waited_ms=1))
    decision = office.hears(ready("nobody"))
    (play,) = decision.commands
    assert isinstance(play, telephony.Play)
    assert play.leg_id == "anna.leg"
    assert isinstance(office.hears(played(play)).commands[0], telephony.HangUp)
    office.hears(ended("anna.leg", by=EndedBy.US))
    assert len(office.state.farewells) == 0


def test_a_farewell_that_is_never_heard_of_ends_with_the_leg_hung_up() -> None:
    """No agent stays busy with a silent leg."""
    office = an_office()
    office.hears(ready("nobody"))
    office.waits(20_000)
    assert office.said(telephony.HangUp) == [
        telephony.HangUp(pbx_id=PBX, leg_id=LegId("anna.leg"), reason="told")
    ]
    refused_word = an_office()
    refused_word.hears(ready("nobody"))
    assert isinstance(refused_word.hears(refused("anna.leg", "telephony.play")).commands[0], telephony.HangUp)


def test_a_farewell_to_a_leg_that_the_gateway_does_not_know_ends() -> None:
    """Nothing will be heard of such a leg, so callback does not wait for it."""
    office = an_office()
    office.hears(ready("nobody"), refused("anna.leg", "telephony.hang_up"))
    assert len(office.state.farewells) == len(office.waiting_for()) == 0


@pytest.mark.rule("G2")
def test_the_gateway_saying_twice_what_it_did_rings_once() -> None:
    """EC-50: the reply was lost, the dial repeated under its leg id; facts that repeat change nothing."""
    office, leg_id = dialling()
    office.hears(requested(leg_id), requested(leg_id))
    office.hears(answered(leg_id))
    assert office.hears(answered(leg_id)).facts == ()
    assert office.hears(ready()).facts == ()
    assert len(office.said(telephony.DialLeg)) == len(office.said(telephony.Bridge)) == 1


@pytest.mark.rule("C6")
def test_a_dial_that_the_gateway_did_not_make_is_no_attempt() -> None:
    """EC-51: too late, or its PBX away. The agent is told; the deadline still leads to an apology."""
    office = whispering()
    office.hears(played(office.last(telephony.Play)))
    (failed,) = office.hears(refused("cb.p.c1.dial1")).facts
    assert isinstance(failed, callback.AttemptFailed)
    assert (failed.next_attempt_at, failed.give_up_at) == (office.at + GAP_MS, NINE + TEN_MINUTES_MS)
    office.hears(deadline_passed())
    assert len(office.said(callback.ApologyDialled)) == 1


@pytest.mark.rule("C6")
def test_n3_a_dial_that_the_gateway_took_on_and_came_to_too_late_is_no_attempt() -> None:
    """Nothing rang at the customer: the agent is told, and the deadline still leads to an apology."""
    office, leg_id = dialling()
    office.hears(requested(leg_id))
    failed, *_ = office.hears(given_up(leg_id)).facts
    assert isinstance(failed, callback.AttemptFailed)
    assert (failed.next_attempt_at, failed.give_up_at) == (office.at + GAP_MS, NINE + TEN_MINUTES_MS)
    assert office.said(telephony.Play)[-1].leg_id == "anna.leg"
    office.hears(deadline_passed())
    assert len(office.said(callback.ApologyDialled)) == 1


@pytest.mark.rule("C4")
def test_n3_an_apology_that_the_gateway_came_to_too_late_is_no_try() -> None:
    """Two tries are left to the customer as before."""
    office = ordered()
    office.hears(deadline_passed())
    for _ in range(3):
        leg_id = office.last(callback.ApologyDialled).leg_id
        office.hears(requested(leg_id), given_up(leg_id))
        office.waits(office.at - NINE + 60_000)
    assert office.said(callback.CallbackExpired) == []
    assert office.last(callback.ApologyDialled).attempt == 1


@pytest.mark.rule("C6")
def test_dials_that_are_never_made_count_in_the_end() -> None:
    """Otherwise a gateway that always refuses would keep agents busy with one callback for ever."""
    office = ordered()
    for _ in range(5):
        office.hears(ready())
        if office.said(callback.CallbackUnreached):
            break
        office.hears(played(office.last(telephony.Play)))
        office.hears(refused(office.last(callback.CustomerDialled).leg_id), ended("anna.leg"))
    assert len(office.said(callback.CallbackUnreached)) == 1
    assert len(office.said(callback.CustomerDialled)) == 5


@pytest.mark.rule("C6")
def test_a_leg_that_was_lost_with_its_pbx_counts_and_is_not_dialled_again() -> None:
    """It may have rung: `failed, lost` after `leg_requested` is an attempt."""
    office, leg_id = dialling()
    office.hears(gateway.PbxLost(pbx_id=PBX), gateway.PbxReturned(pbx_id=PBX, live_legs=()))
    fails(office, leg_id, Outcome.FAILED)
    assert office.last(callback.AttemptFailed).give_up_at == GIVE_UP_AT
    office.waits(GAP_MS)
    office, again = dialling(office=office)
    assert again != leg_id


@pytest.mark.rule("C6")
def test_while_the_pbx_is_away_nobody_is_judged_by_its_silence() -> None:
    """EC-51: a phone that can't be heard has not failed; when the PBX returns everything goes on."""
    office, leg_id = dialling()
    office.hears(gateway.PbxLost(pbx_id=PBX))
    office.waits(300_000)
    assert office.said(callback.AttemptFailed) == []
    office.hears(gateway.PbxReturned(pbx_id=PBX, live_legs=(leg_id,)), answered(leg_id))
    assert talked(office).callback_id == cb()


@pytest.mark.rule("C6")
def test_a_leg_of_which_nothing_is_ever_heard_fails() -> None:
    """If the PBX is there, the leg is hung up half a minute after the ring, and the attempt counts."""
    office, leg_id = dialling()
    office.waits(66_000)
    assert office.last(callback.AttemptFailed).outcome is Outcome.FAILED
    assert telephony.HangUp(pbx_id=PBX, leg_id=leg_id, reason="silent") in office.commands


@pytest.mark.rule("C6")
def test_a_bridge_that_never_comes_is_a_failed_attempt() -> None:
    """The agent is told and the customer's leg is hung up: nobody listens to silence."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    office.waits(20_000)
    assert office.last(callback.AttemptFailed).outcome is Outcome.FAILED
    assert telephony.HangUp(pbx_id=PBX, leg_id=leg_id, reason="silent") in office.commands


@pytest.mark.rule("C13")
def test_a_story_has_a_maximum_and_says_what_it_left_out() -> None:
    """A callback that agents drop all day still ends as one record."""
    office = ordered()
    for n in range(50):
        office.hears(ready(agent=f"a{n}"), ended(f"a{n}.leg"))
    office.hears(deadline_passed(), ended("cb.p.c1.apology1", Outcome.BAD_NUMBER))
    story = office.last(callback.CallbackExpired).story
    assert len(story) == 62
    assert (story[-2].what, story[-1].what) == ("left_out", "expired")
    assert int(story[-2].reason) > 40


def test_late_and_repeated_facts_after_the_end_change_nothing() -> None:
    """The callback has ended; late facts of its legs do not concern it."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    talked(office)
    facts = len(office.facts)
    whisper = office.said(telephony.Play)[-2]
    for fact in (
        answered(leg_id),
        bridged(office.last(telephony.Bridge)),
        deadline_passed(),
        place_connected("c1", "anna", leg_id),
        played(whisper),
        requested(leg_id),
        refused(leg_id),
        agent_freed(),
    ):
        office.hears(fact)
    assert len(office.facts) == facts


def test_a_leg_that_is_not_callbacks_changes_nothing() -> None:
    """Most legs of an organization are not callback's."""
    office = Office()
    for fact in (answered("x"), ended("x"), refused("x"), requested("x")):
        assert office.hears(fact).facts == ()
