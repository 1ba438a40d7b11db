"""Which phones of an agent ring, when, how they are answered, and what they show (E4, G5, O2)."""

from typing import Any

import pytest

from contracts import directory, gateway, queue, telephony
from contracts.dialling import DiallingPolicy
from contracts.gateway import DeviceState, EndedBy, Outcome
from contracts.ids import Address, LegId
from tests import offices
from tests.offices import desk
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    CUSTOMER,
    MOSCOW,
    SALES_LINE,
    SECOND,
    VOLGA,
    Office,
    an_office,
    by,
    mobile,
)

DESK, MOBILE = 0, 1


def with_mobile(*others: object, auto: bool = True, delay_ms: int = 5_000, **settings: Any) -> Office:
    """Anna has a desk phone and, five seconds later, a mobile."""
    office = an_office(ANNA, *others, auto=auto, **settings)  # type: ignore[arg-type]  # agents only
    office.saves(office.agent(ANNA, desk(ANNA), mobile(delay_ms=delay_ms)))
    return office


def dialled(office: Office) -> list[str]:
    """The addresses that were dialled, in order."""
    return [command.address for command in office.said(telephony.DialLeg)]


@pytest.mark.rule("E4")
def test_the_mobile_rings_after_its_delay() -> None:
    """The desk phone first; five seconds later the mobile as well."""
    office = with_mobile()
    office.calls("c1")
    assert dialled(office) == ["sip:anna"]
    office.waits(4_999)
    assert len(dialled(office)) == 1
    office.waits(1)
    assert dialled(office) == ["sip:anna", "tel:+79160000001"]


@pytest.mark.rule("C10")
def test_a_mobile_that_policy_no_longer_allows_is_not_dialled_after_its_delay() -> None:
    """The policy changes while the desk phone rings: the place is offered anew, on that phone only."""
    office = with_mobile()
    office.calls("c1")
    office.saves(offices.organization(version=2, dialling_policy=DiallingPolicy(is_on=False)))
    office.waits(30 * SECOND)
    assert set(dialled(office)) == {"sip:anna"}
    assert [each.reason for each in office.said(queue.OfferWithdrawn)] == ["not_allowed_to_dial"]
    assert len(dialled(office)) > 1


@pytest.mark.rule("E4")
def test_the_first_device_to_answer_stops_the_others() -> None:
    """An agent takes one call on one phone."""
    office = with_mobile()
    office.calls("c1")
    office.waits(6 * SECOND)
    mobile_leg = office.offer_to(ANNA).legs[MOBILE].leg_id
    office.answers(ANNA, DESK)
    [cancelled] = office.said(telephony.CancelLeg)
    assert (cancelled.leg_id, cancelled.is_answered_elsewhere) == (mobile_leg, True)
    assert office.last(queue.PlaceConnected).agent_id == ANNA


@pytest.mark.rule("E4")
def test_a_phone_that_is_answered_before_the_mobile_was_to_ring_keeps_it_silent() -> None:
    """No mobile rings for a call that has been answered."""
    office = with_mobile()
    office.calls("c1")
    office.answers(ANNA)
    office.waits(10 * SECOND)
    assert dialled(office) == ["sip:anna"]


@pytest.mark.rule("E4")
def test_on_a_mobile_the_answer_is_a_key_and_until_then_the_others_ring_on() -> None:
    """Picking up a mobile is not accepting; the key is."""
    office = with_mobile()
    office.calls("c1")
    office.waits(6 * SECOND)
    mobile_leg = office.offer_to(ANNA).legs[MOBILE].leg_id
    office.answers(ANNA, MOBILE)
    assert not office.said(queue.OfferAccepted)
    assert not office.said(telephony.CancelLeg)
    assert office.last(queue.KeyWanted).until_at == office.at + 8 * SECOND
    assert "whisper_press_key" in office.last(telephony.Play).media[0]
    office.presses(mobile_leg, "5")
    assert office.last(queue.OfferAccepted).leg_id == mobile_leg


@pytest.mark.rule("E4")
def test_a_mobiles_own_voicemail_cannot_take_a_call() -> None:
    """EC-46: without the key within eight seconds it is not answered; the desk phone goes on ringing."""
    office = with_mobile()
    office.calls("c1")
    office.waits(6 * SECOND)
    mobile_leg = office.offer_to(ANNA).legs[MOBILE].leg_id
    office.answers(ANNA, MOBILE)
    office.waits(8 * SECOND)
    [cancelled] = office.said(telephony.CancelLeg)
    assert (cancelled.leg_id, cancelled.is_answered_elsewhere) == (mobile_leg, False)
    assert office.ringing("c1") == [ANNA]
    office.answers(ANNA, DESK)
    assert office.said(queue.PlaceConnected)


@pytest.mark.rule("E4")
def test_a_key_that_comes_after_its_eight_seconds_is_too_late() -> None:
    """The leg is being hung up: accepting it would give the caller nobody."""
    office = with_mobile(auto=False)
    office.calls("c1")
    office.waits(6 * SECOND)
    mobile_leg = office.offer_to(ANNA).legs[MOBILE].leg_id
    office.answers(ANNA, MOBILE)
    office.waits(8 * SECOND)
    office.presses(mobile_leg)
    assert not office.said(queue.OfferAccepted)


@pytest.mark.rule("E4")
def test_a_key_wanted_at_the_end_of_the_ring_time_gets_its_eight_seconds() -> None:
    """An agent who picks up in the last second has time to press the key."""
    office = with_mobile()
    office.calls("c1")
    office.waits(19 * SECOND)
    mobile_leg = office.offer_to(ANNA).legs[MOBILE].leg_id
    office.answers(ANNA, MOBILE)
    office.waits(7 * SECOND)
    office.presses(mobile_leg)
    assert office.last(queue.OfferAccepted).leg_id == mobile_leg


@pytest.mark.rule("E4")
def test_two_mobiles_that_were_both_picked_up_each_accept_by_their_own_key() -> None:
    """The key accepts on the phone on which it is pressed."""
    office = an_office(ANNA)
    office.saves(office.agent(ANNA, mobile(), mobile("+79160000002")))
    office.calls("c1")
    first, second = (leg.leg_id for leg in office.offer_to(ANNA).legs)
    office.answers(ANNA, 0)
    office.answers(ANNA, 1)
    office.presses(first)
    assert office.last(queue.OfferAccepted).leg_id == first
    assert second in [command.leg_id for command in office.said(telephony.CancelLeg)]


@pytest.mark.rule("E4")
def test_a_mobile_picked_up_twice_on_the_log_is_asked_once() -> None:
    """A repeated report neither asks again nor gives more time."""
    office = with_mobile()
    office.calls("c1")
    office.waits(6 * SECOND)
    office.answers(ANNA, MOBILE)
    office.answers(ANNA, MOBILE)
    assert len(office.said(queue.KeyWanted)) == 1


@pytest.mark.rule("E4", "Q8")
@pytest.mark.parametrize("outcome", [Outcome.BUSY, Outcome.UNAVAILABLE, Outcome.UNREACHABLE])
def test_busy_or_unreachable_on_a_mobile_is_not_a_miss(outcome: Outcome) -> None:
    """A dead battery is not the agent's fault."""
    office = an_office(ANNA)
    office.saves(office.agent(ANNA, mobile()))
    office.calls("c1")
    office.phone_ends(ANNA, outcome)
    assert office.end_of(ANNA) is queue.OfferUnreachable
    assert not office.said(queue.OfferMissed)


@pytest.mark.rule("E4")
def test_a_desk_phone_that_rang_to_the_end_is_a_miss_whatever_the_mobile_did() -> None:
    """A phone rang, and the agent did not come."""
    office = with_mobile()
    office.calls("c1")
    office.waits(6 * SECOND)
    office.phone_ends(ANNA, Outcome.BUSY, MOBILE)
    office.phone_ends(ANNA, Outcome.NO_ANSWER, DESK)
    assert office.end_of(ANNA) is queue.OfferMissed


@pytest.mark.rule("E4")
def test_with_the_desk_phone_dead_the_mobile_rings_at_once() -> None:
    """The delay counts from the first phone that rings."""
    office = with_mobile()
    office.phone_is(ANNA, DeviceState.UNREACHABLE)
    office.calls("c1")
    assert dialled(office) == ["tel:+79160000001"]


@pytest.mark.rule("E4", "Q2")
def test_an_agent_whose_busy_desk_phone_dies_is_rung_on_the_mobile() -> None:
    """The agent's own call has ended with the phone: the waiting place is offered at once."""
    office = with_mobile()
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls("c1")
    office.phone_is(ANNA, DeviceState.UNREACHABLE)
    assert dialled(office) == ["tel:+79160000001"]


@pytest.mark.rule("E4")
def test_when_the_desk_phone_fails_the_mobile_does_not_wait_for_its_delay() -> None:
    """Nothing that was dialled can answer any more."""
    office = with_mobile()
    office.calls("c1")
    office.waits(SECOND)
    office.phone_ends(ANNA, Outcome.UNAVAILABLE)
    assert dialled(office) == ["sip:anna", "tel:+79160000001"]
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("E4")
def test_the_ring_time_starts_at_the_first_ringing() -> None:
    """The seconds that a call to a mobile takes to set up do not count as ring time."""
    office = an_office(ANNA, auto=False)
    office.calls("c1")
    leg_id = office.offer_to(ANNA).legs[0].leg_id
    office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=leg_id), after_ms=4 * SECOND)
    office.waits(20 * SECOND - 1)
    assert office.ringing("c1") == [ANNA]
    office.waits(1)
    assert office.end_of(ANNA) is queue.OfferMissed


@pytest.mark.rule("E4")
def test_a_phone_without_a_sign_of_life_is_unreachable_and_no_miss() -> None:
    """It never rang, so the agent missed nothing."""
    office = an_office(ANNA, auto=False)
    office.calls("c1")
    office.waits(25 * SECOND)
    assert office.end_of(ANNA) is queue.OfferUnreachable


@pytest.mark.rule("E4")
@pytest.mark.parametrize("ring_ms", [8 * SECOND, 15 * SECOND])
def test_a_mobile_alone_is_given_the_time_that_its_network_needs(ring_ms: int) -> None:
    """A phone that begins to ring after 19 s is not given up before, and then rings as long as any."""
    office = an_office(ANNA, auto=False, strategy=by("longest_idle", ring_ms=ring_ms))
    office.saves(office.agent(ANNA, mobile()))
    office.calls("c1")
    office.waits(19 * SECOND)
    office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=office.offer_to(ANNA).legs[0].leg_id))
    office.waits(ring_ms - 1)
    assert not office.said(queue.OfferMissed)
    office.waits(1)
    assert office.said(queue.OfferMissed)


@pytest.mark.rule("E4", "G5")
def test_a_company_sim_counts_as_an_office_device() -> None:
    """No key is asked for; the number that could not be shown is spoken before the bridge."""
    office = an_office(ANNA)
    sim = directory.Device(kind=directory.DeviceKind.SIM, address=Address("tel:+79160000009"))
    office.saves(office.agent(ANNA, sim))
    office.calls("c1")
    office.answers(ANNA)
    assert not office.said(queue.KeyWanted)
    assert any("whisper_call" in play.media[0] for play in office.said(telephony.Play))
    assert office.said(queue.PlaceConnected)


@pytest.mark.rule("G5")
def test_an_office_phone_shows_the_customers_number_and_the_department() -> None:
    """The agent knows who calls, and for what."""
    office = an_office(ANNA)
    office.calls("c1")
    dial = office.last(telephony.DialLeg)
    assert (dial.caller_id, dial.display_name) == (CUSTOMER, "Sales")
    assert dial.headers == {"purpose": "call", "caller": CUSTOMER}


@pytest.mark.rule("G5")
def test_a_leg_over_the_public_network_shows_the_organizations_line_and_nothing_else() -> None:
    """The customer's number is spoken after the key, never shown to a carrier."""
    office = an_office(ANNA)
    office.saves(office.agent(ANNA, mobile()))
    office.calls("c1")
    dial = office.last(telephony.DialLeg)
    assert (dial.caller_id, dial.display_name, dial.headers) == (SALES_LINE, "", {})
    office.answers(ANNA)
    office.presses(office.offer_to(ANNA).legs[0].leg_id)
    whisper = next(play for play in office.said(telephony.Play) if "whisper_call" in play.media[0])
    assert whisper.leg_id == dial.leg_id
    assert len(whisper.media) > 5
    assert office.said(queue.PlaceConnected)


@pytest.mark.rule("G5")
@pytest.mark.parametrize("device", ["desk", "mobile"])
def test_a_withheld_number_is_never_shown_or_spoken(device: str) -> None:
    """It is on no screen, in no header, and in no whisper."""
    office = an_office(ANNA)
    if device == "mobile":
        office.saves(office.agent(ANNA, mobile()))
    office.calls("c1", caller=None)
    dial = office.last(telephony.DialLeg)
    assert dial.caller_id in ("", SALES_LINE)
    assert "caller" not in dial.headers
    office.answers(ANNA)
    if device == "mobile":
        office.presses(dial.leg_id)
    spoken = [key for play in office.said(telephony.Play) for key in play.media if "digit" in key]
    assert spoken == []
    assert office.said(queue.PlaceConnected)


@pytest.mark.rule("G5", "O2")
def test_an_agent_of_another_pbx_is_dialled_from_where_the_call_came_in() -> None:
    """The inter-PBX address is dialled; a public leg shows a number of the dialling PBX."""
    office = an_office(ANNA, BORIS)
    office.saves(
        offices.pbx(VOLGA, "+78442000000"),
        office.agent(BORIS, desk(BORIS), mobile("+79160000003"), pbx_id=VOLGA),
    )
    office.calls("c1")
    legs = [command for command in office.said(telephony.DialLeg) if "anna" not in command.address]
    assert [(command.pbx_id, command.address) for command in legs] == [
        (MOSCOW, "pbx:volga/boris"),
        (MOSCOW, "tel:+79160000003"),
    ]
    assert [command.caller_id for command in legs] == [CUSTOMER, SALES_LINE]


@pytest.mark.rule("E4", "C3")
def test_every_phone_has_a_leg_of_its_own_and_all_end_with_the_offer() -> None:
    """No phone keeps ringing, and no record of a leg stays."""
    office = with_mobile(auto=False, strategy=by("longest_idle"))
    office.calls("c1")
    office.waits(6 * SECOND)
    legs = {leg.leg_id for leg in office.offer_to(ANNA).legs}
    assert len(legs) == 2
    office.waits(30 * SECOND)
    assert {command.leg_id for command in office.said(telephony.CancelLeg)} >= legs
    for leg_id in sorted(legs):
        office.hears(office.leg_ended(LegId(leg_id), Outcome.CANCELLED, EndedBy.US))
    assert not any(leg_id in office.state.legs for leg_id in legs)
