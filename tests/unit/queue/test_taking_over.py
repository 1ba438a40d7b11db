"""One callback per number (C8): announced, taken over on this line, confirmed, cancelled (C9)."""

import pytest

from contracts import callback, queue, telephony
from contracts.gateway import DeviceState, Outcome
from contracts.ids import LegId, PlaceId
from tests.unit.queue.callback_stories import (
    OTHER,
    anna_is_free,
    end,
    with_anna_busy,
)
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    CUSTOMER,
    MINUTE,
    NINE,
    SECOND,
    action,
    an_office,
    by,
    played,
)


@pytest.mark.rule("C8")
def test_a_caller_whose_number_has_a_callback_is_told_so_with_its_position() -> None:
    """The announced position is that of the callback's place, not of the new one."""
    office = with_anna_busy()
    office.calls("c1")
    office.calls("c2", caller=OTHER)
    office.orders("c1")
    office.calls("again")
    told = played(office, queue.AnnouncementKind.CALLBACK_EXISTS)[-1]
    assert (told.place_id, told.position) == ("p.again", 1)
    assert any("callback_exists" in key for key in office.last(telephony.Play).media)


@pytest.mark.rule("C8")
def test_1_takes_the_callbacks_place_on_this_line_and_hanging_up_gives_it_back() -> None:
    """The callback becomes a caller in the same place, and a callback again."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    office.calls("again")
    office.presses("again")
    over = office.last(queue.CallbackTakenOver)
    assert (over.place_id, over.new_place_id, over.callback_id) == ("p.c1", "p.again", callback_id)
    assert not office.waits_for("again")
    assert (office.place("c1").leg_id, office.place("c1").joined_at) == ("again", NINE)
    office.hangs_up("again")
    assert office.place("c1").leg_id is None
    anna_is_free(office)
    office.answers(ANNA)
    assert office.last(queue.AgentReady).callback_id == callback_id


@pytest.mark.rule("C8")
def test_a_place_taken_over_is_connected_on_the_line_and_its_position_is_announced_again() -> None:
    """The caller hears the position now, and again when it gets better."""
    office = with_anna_busy()
    office.calls("before", caller=OTHER)
    office.calls("c1")
    office.orders("c1")
    office.calls("again")
    office.presses("again")
    assert played(office, queue.AnnouncementKind.POSITION)[-1].position == 2
    office.hangs_up("before")
    office.waits(30 * SECOND)
    assert played(office, queue.AnnouncementKind.POSITION)[-1].position == 1
    anna_is_free(office)
    office.answers(ANNA)
    assert office.last(queue.PlaceConnected).leg_id == "again"


@pytest.mark.rule("C8", "Q4")
def test_a_caller_who_calls_again_hears_no_worse_position_than_before() -> None:
    """Another place has gone ahead meanwhile; the spoken position never rises."""
    office = with_anna_busy(strategy=by("longest_idle"))
    office.calls("mine")
    office.waits(SECOND)
    office.calls("c1", caller=OTHER)
    callback_id = office.orders("c1", number=OTHER)
    office.orders("mine")
    anna_is_free(office)
    office.waits(20 * SECOND)
    assert office.ringing("c1") == [ANNA]
    office.answers(ANNA)
    place_id = office.place("c1").place_id
    office.hears(callback.AgentLost(callback_id=callback_id, place_id=place_id, agent_id=ANNA))
    office.calls("again")
    assert played(office, queue.AnnouncementKind.CALLBACK_EXISTS)[-1].position == 1
    office.presses("again")
    assert played(office, queue.AnnouncementKind.POSITION)[-1].position == 1


@pytest.mark.rule("C8")
def test_without_the_key_the_caller_has_a_new_place() -> None:
    """One number then has two places: the callback's and the call's."""
    office = with_anna_busy()
    office.calls("c1")
    office.orders("c1")
    office.calls("again")
    office.waits(MINUTE)
    assert office.waits_for("c1")
    assert office.waits_for("again")


@pytest.mark.rule("C8", "Q4")
def test_m18_who_presses_1_after_somebody_else_of_that_number_hears_the_own_position() -> None:
    """A switchboard's number: the place was offered to two, and a live caller has it already."""
    office = with_anna_busy()
    office.calls("c1")
    office.orders("c1")
    office.calls("first")
    office.calls("second")
    office.presses("first")
    office.presses("second")
    told = played(office, queue.AnnouncementKind.POSITION)[-1]
    assert (told.place_id, told.position) == ("p.second", 2)
    assert (office.place("c1").leg_id, office.place("second").leg_id) == ("first", "second")


@pytest.mark.rule("C8", "C9")
def test_m18_who_presses_1_for_a_callback_that_has_ended_hears_the_own_position() -> None:
    """It was cancelled while its place was being offered: the key has nothing to take, and is answered."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    office.calls("again")
    office.hears(end(office, callback.CallbackCancelled, callback_id))
    office.presses("again")
    told = played(office, queue.AnnouncementKind.POSITION)[-1]
    assert (told.place_id, told.position) == ("p.again", 1)


@pytest.mark.rule("C8")
def test_m18_who_presses_1_in_vain_again_and_again_hears_one_position_at_a_time() -> None:
    """Plays of a leg follow one another: ten presses would be a minute of the same words."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    office.calls("again")
    office.hears(end(office, callback.CallbackCancelled, callback_id))
    office.presses("again")
    office.presses("again")
    assert office.last(telephony.Play).interrupts


@pytest.mark.rule("C8", "Q13")
def test_m18_beyond_the_limit_a_1_that_comes_too_late_leads_to_the_overflow_action() -> None:
    """There is no place to take, and none of his own: seconds of music before the same end help nobody."""
    office = with_anna_busy(waiting_max=1, overflow_action=action("hang_up"))
    office.calls("c1")
    office.orders("c1")
    office.calls("other", caller=OTHER)
    office.calls("first")
    office.calls("second")
    office.presses("first")
    office.presses("second")
    reached = office.last(queue.NoAnswerReached)
    assert (reached.place_id, reached.reason) == ("p.second", queue.DivertReason.QUEUE_FULL)


@pytest.mark.rule("C8")
def test_m18_who_can_no_longer_join_the_agent_hears_the_own_position() -> None:
    """The key was pressed while an agent was with the callback, which is being connected to somebody."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    anna_is_free(office)
    office.answers(ANNA)
    office.calls("again")
    office.presses("again")
    joined = office.last(queue.CallbackJoined)
    office.hears(
        callback.JoinRefused(
            callback_id=callback_id, place_id=joined.place_id, new_place_id=joined.new_place_id
        )
    )
    assert played(office, queue.AnnouncementKind.POSITION)[-1].place_id == "p.again"


@pytest.mark.rule("C8")
def test_m18_a_1_of_a_caller_who_was_offered_nothing_does_nothing() -> None:
    """Nobody asked for a key."""
    office = with_anna_busy()
    office.calls("c1")
    said = len(office.facts)
    office.presses("c1")
    assert len(office.facts) == said


@pytest.mark.rule("C8")
def test_a_1_after_the_invitation_confirms_the_first_order() -> None:
    """The 1 answers the last question: callback confirms the first order, and the new place ends."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    office.calls("again")
    office.waits(30 * SECOND)
    office.presses("again")
    assert office.last(queue.CallbackRequested).place_id == "p.again"
    office.hears(
        callback.CallbackConfirmed(
            callback_id=callback_id,
            place_id=office.place("c1").place_id,
            new_place_id=office.place("again").place_id,
            leg_id=LegId("again"),
        )
    )
    assert office.last(queue.PlaceClosed).place_id == "p.again"
    assert office.waits_for("c1")
    office.hangs_up("again")
    assert not office.said(queue.PlaceAbandoned)


@pytest.mark.rule("C8", "Q7")
def test_an_agent_who_accepted_a_second_order_of_somebody_who_has_gone_is_not_left_alone() -> None:
    """Callback is behind: it says only now that the first order stands. The place ends, the agent is told."""
    office = an_office(ANNA, BORIS)
    for agent_id in (ANNA, BORIS):
        office.phone_is(agent_id, DeviceState.IN_USE)
    office.calls("c1")
    callback_id = office.orders("c1")
    office.calls("again")
    office.waits(30 * SECOND)
    office.phone_is(ANNA, DeviceState.IDLE)
    office.phone_is(BORIS, DeviceState.IDLE)
    assert BORIS in office.ringing("again")
    office.presses("again")
    assert office.last(queue.CallbackRequested).place_id == "p.again"
    office.hangs_up("again")
    office.answers(BORIS)
    assert office.place("again").agent_id == BORIS
    office.hears(
        callback.CallbackConfirmed(
            callback_id=callback_id,
            place_id=PlaceId("p.c1"),
            new_place_id=PlaceId("p.again"),
            leg_id=LegId("again"),
        )
    )
    assert [each.place_id for each in office.said(queue.PlaceClosed)] == ["p.again"]
    goodbye = office.last(telephony.Play)
    assert goodbye.play_id.endswith(".bye")
    office.hears(office.leg_ended(goodbye.leg_id, Outcome.COMPLETED))
    office.calls("next", caller=OTHER)
    office.waits(MINUTE)
    assert BORIS in office.ringing("next")


@pytest.mark.rule("C8")
@pytest.mark.parametrize("caller", [None, OTHER])
def test_a_withheld_or_another_number_never_matches(caller: str | None) -> None:
    """Live callers are never merged."""
    office = with_anna_busy()
    office.calls("c1", caller=None)
    office.orders("c1", number=CUSTOMER)
    office.calls("again", caller=caller)
    assert not played(office, queue.AnnouncementKind.CALLBACK_EXISTS)


@pytest.mark.rule("C8")
def test_a_number_matches_however_the_network_writes_it() -> None:
    """8 (912) … and +7 912 … are the same customer."""
    office = with_anna_busy()
    office.calls("c1")
    office.orders("c1")
    office.calls("again", caller="89123456789")
    assert played(office, queue.AnnouncementKind.CALLBACK_EXISTS)


@pytest.mark.rule("C8")
def test_a_customer_back_on_the_line_when_the_callback_ends_goes_on_waiting() -> None:
    """A customer on the line is never left in endless music."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    office.calls("again")
    office.presses("again")
    office.hears(end(office, callback.CallbackCancelled, callback_id))
    assert office.waits_for("c1")
    assert office.place("c1").callback_id is None
    anna_is_free(office)
    office.answers(ANNA)
    assert office.last(queue.PlaceConnected).callback_id is None


@pytest.mark.rule("C9")
@pytest.mark.parametrize("drops", [False, True])
def test_a_cancellation_does_not_cut_off_a_customer_who_is_about_to_be_bridged(drops: bool) -> None:
    """The order is void and the caller holds the place: bridged, or waiting on if the agent drops."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1", hangs_up=False)
    office.auto = False
    anna_is_free(office)
    office.answers(ANNA)
    office.hears(end(office, callback.CallbackCancelled, callback_id, keeps_line=True))
    assert not office.said(queue.PlaceClosed)
    if drops:
        office.finishes(ANNA)
        office.waits(5 * SECOND)
        office.answers(ANNA)
    office.hears(*office.replies(office.last(telephony.Bridge)))
    assert office.last(queue.PlaceConnected).callback_id is None


@pytest.mark.rule("C9")
def test_if_that_customer_has_gone_the_agent_hears_so() -> None:
    """The person who cancelled could not know of the agent."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1", hangs_up=False)
    office.auto = False
    anna_is_free(office)
    office.answers(ANNA)
    office.hangs_up("c1")
    office.hears(end(office, callback.CallbackCancelled, callback_id, keeps_line=True))
    assert office.last(queue.PlaceClosed).outcome == "cancelled"


@pytest.mark.rule("C9")
def test_a_cancelled_callback_withdraws_its_offers() -> None:
    """A withdrawn offer does not count for the agent."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    anna_is_free(office)
    assert office.has_offer(ANNA)
    office.hears(end(office, callback.CallbackCancelled, callback_id))
    assert office.end_of(ANNA) is queue.OfferWithdrawn
    assert office.last(queue.PlaceClosed).outcome == "cancelled"
