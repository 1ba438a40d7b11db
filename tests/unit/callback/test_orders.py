"""Orders: the first «1» is the order, the number is read back, and every refusal says why."""

import pytest

from contracts import callback, directory, queue, telephony
from contracts.callback import Origin
from contracts.dialling import DiallingPolicy, Refusal
from contracts.ids import AgentId, Instant, LegId
from tests.unit.callback.stories import (
    CUSTOMER,
    LINE,
    NINE,
    PBX,
    SALES,
    TEN_MINUTES_MS,
    accepted,
    an_office,
    answered,
    cb,
    dialling,
    ended,
    place,
    place_connected,
    played,
    pressed,
    pressed_one,
    refused,
    typed,
)


@pytest.mark.rule("C1", "C2")
def test_the_first_one_is_the_order_and_the_place_keeps_its_times() -> None:
    """The customer need do nothing more: the order holds all that is needed before anything is said."""
    office = an_office()
    decision = office.hears(pressed_one())
    assert decision.facts == (
        callback.CallbackOrdered(
            callback_id=cb(),
            place_id=place(),
            department_id=SALES,
            pbx_id=PBX,
            number=CUSTOMER,
            caller_id=LINE,
            joined_at=NINE,
            deadline_at=Instant(NINE + TEN_MINUTES_MS),
            leg_id=LegId("c1"),
            origin=Origin.QUEUE,
            confirmation_play_id=office.last(telephony.Play).play_id,
        ),
    )
    assert [type(command) for command in decision.commands] == [telephony.Play]


@pytest.mark.rule("C1")
def test_the_number_is_read_back_and_a_key_interrupts_it() -> None:
    """A customer who knows the words need not listen to the end."""
    office = an_office()
    office.hears(pressed_one())
    play = office.last(telephony.Play)
    assert play.barge_in
    assert play.leg_id == "c1"
    names = [key.rpartition("/")[2].removesuffix(".wav") for key in play.media]
    assert names[0] == "order_taken_number"
    assert names[1:4] == ["plus", "digit_7", "hundred_9"]
    assert names[-1] == "order_taken"


@pytest.mark.rule("C1")
def test_after_the_order_was_read_back_the_line_is_hung_up() -> None:
    """The customer is free, and so is the line."""
    office = an_office()
    office.hears(pressed_one())
    decision = office.hears(played(office.last(telephony.Play)))
    assert decision.commands == (telephony.HangUp(pbx_id=PBX, leg_id=LegId("c1"), reason="ordered"),)


@pytest.mark.rule("C1")
def test_hanging_up_at_once_loses_nothing() -> None:
    """People who have ordered before press «1» and hang up."""
    office = an_office()
    office.hears(pressed_one())
    decision = office.hears(ended("c1"))
    assert decision.facts == ()
    assert cb() in office.state.callbacks


@pytest.mark.rule("C3")
def test_a_leg_that_an_agent_has_accepted_is_not_hung_up() -> None:
    """EC-27: an agent came free while the order was read back; the two shall talk on this leg."""
    office = an_office()
    office.hears(pressed_one(), accepted())
    assert office.hears(played(office.last(telephony.Play))).commands == ()
    assert office.hears(pressed("c1", "0")).facts == ()
    decision = office.hears(place_connected("c1", "anna", "c1"))
    (fact,) = decision.facts
    assert isinstance(fact, callback.CallbackCancelled)
    assert fact.reason == "talked_on_ordering_leg"
    assert decision.commands == ()


@pytest.mark.rule("C3")
def test_an_agent_lost_before_the_bridge_gives_the_leg_back() -> None:
    """EC-27, and the agent drops: the customer hears the order again and is not left in silence."""
    office = an_office()
    office.hears(pressed_one(), accepted())
    reopened = queue.OfferReopened(place_id=place(), agent_id=AgentId("anna"))
    decision = office.hears(reopened)
    (play,) = decision.commands
    assert isinstance(play, telephony.Play)
    assert office.hears(played(play)).commands == (
        telephony.HangUp(pbx_id=PBX, leg_id=LegId("c1"), reason="ordered"),
    )


@pytest.mark.rule("C3")
def test_a_customer_who_hangs_up_after_an_agent_accepted_is_called_by_the_same_agent() -> None:
    """EC-27: no second ring for the agent; queue says that he is ready, and the attempt begins."""
    office = an_office()
    office.hears(pressed_one(), accepted(), ended("c1"))
    office, leg_id = dialling(office=office)
    assert office.last(callback.CustomerDialled).agent_leg_id == "anna.leg"
    assert leg_id == "cb.p.c1.dial1"


@pytest.mark.rule("C1")
@pytest.mark.parametrize("caller", [None, "", "12345", "+881612345678", "112", "+12125551234"])
def test_a_withheld_or_unusable_number_must_be_typed_and_confirmed(caller: str | None) -> None:
    """EC-23: a caller who withholds the number may type one and have a callback, too."""
    office = an_office()
    office.hears(pressed_one(caller=caller))
    wanted = office.last(callback.NumberWanted)
    assert wanted.tries_left == 3
    assert isinstance(office.commands[-1], telephony.CollectDigits)
    office.hears(typed("c1", "89161112233"))
    assert office.last(callback.NumberTyped).number == "+79161112233"
    assert office.said(callback.CallbackOrdered) == []
    office.hears(typed("c1", "1"))
    assert office.last(callback.CallbackOrdered).number == "+79161112233"


@pytest.mark.rule("C1", "C10")
@pytest.mark.parametrize("digits", ["12345", "205", "112", "88091234567", LINE, ""])
def test_a_typed_number_that_cannot_be_used_is_refused_and_may_be_typed_again(digits: str) -> None:
    """EC-28: five digits, an extension, emergency, premium, our own; never dialled, never the end of it."""
    office = an_office()
    office.hears(pressed_one(caller=None), typed("c1", digits))
    assert office.last(callback.NumberWanted).tries_left == 2
    assert office.said(callback.CallbackOrdered) == []
    assert office.said(telephony.DialLeg) == []


@pytest.mark.rule("C1")
def test_after_three_tries_the_wait_goes_on() -> None:
    """The place is kept, and the caller is told."""
    office = an_office()
    office.hears(pressed_one(caller=None), typed("c1", "1"), typed("c1", "2"))
    decision = office.hears(typed("c1", "3"))
    assert decision.facts == (callback.OrderAbandoned(place_id=place(), leg_id=LegId("c1")),)
    assert isinstance(decision.commands[0], telephony.Play)
    assert len(office.state.orders) == 0


@pytest.mark.rule("C1")
def test_a_number_that_is_not_confirmed_is_typed_again() -> None:
    """«2» says that a digit was wrong."""
    office = an_office()
    office.hears(pressed_one(caller=None), typed("c1", "89161112233"), typed("c1", "2"))
    assert office.last(callback.NumberWanted).tries_left == 2
    office.hears(typed("c1", "89161112244"), typed("c1", "1"))
    assert office.last(callback.CallbackOrdered).number == "+79161112244"


@pytest.mark.rule("C1")
def test_a_caller_who_hangs_up_before_giving_a_number_has_ordered_nothing() -> None:
    """Queue decides what such a caller was: abandoned."""
    office = an_office()
    office.hears(pressed_one(caller=None))
    assert office.hears(ended("c1")).facts == (callback.OrderAbandoned(place_id=place(), leg_id=LegId("c1")),)
    assert len(office.waiting_for()) == 0


@pytest.mark.rule("C1")
def test_silence_while_typing_is_a_try() -> None:
    """If the gateway's word got lost, the caller is not left hanging for ever."""
    office = an_office()
    office.hears(pressed_one(caller=None))
    office.waits(400_000)
    assert office.last(callback.OrderAbandoned).place_id == place()


@pytest.mark.rule("C1")
def test_another_key_changes_the_number() -> None:
    """The order stands all the while, first with the old number and then with the new."""
    office = an_office()
    office.hears(pressed_one(), pressed("c1", "2"))
    assert office.last(callback.NumberWanted).leg_id == "c1"
    office.hears(typed("c1", "89161112233"), typed("c1", "1"))
    changed = office.last(callback.NumberChanged)
    assert (changed.callback_id, changed.number) == (cb(), "+79161112233")
    assert office.state.callbacks[cb()].number == "+79161112233"
    assert isinstance(office.hears(played(office.last(telephony.Play))).commands[0], telephony.HangUp)


@pytest.mark.rule("C1")
def test_hanging_up_while_changing_the_number_keeps_the_order() -> None:
    """The old number still stands."""
    office = an_office()
    office.hears(pressed_one(), pressed("c1", "2"), typed("c1", "891611122"))
    assert office.hears(ended("c1")).facts == ()
    assert office.state.callbacks[cb()].number == CUSTOMER


@pytest.mark.rule("C1")
def test_a_change_that_comes_to_nothing_reads_the_first_number_back() -> None:
    """After three unusable numbers the order stands as it was."""
    office = an_office()
    office.hears(pressed_one(), pressed("c1", "2"), typed("c1", ""), typed("c1", ""), typed("c1", ""))
    assert office.last(callback.NumberChanged).number == CUSTOMER
    assert office.said(callback.OrderAbandoned) == []
    assert office.last(telephony.Play).media[0].endswith("order_taken_number.wav")


@pytest.mark.rule("C1")
def test_one_more_one_agrees_and_is_thanked() -> None:
    """A second «1» interrupts the reading: the customer still hears that we will call."""
    office = an_office()
    office.hears(pressed_one())
    reading = office.last(telephony.Play)
    office.hears(pressed("c1", "1"), played(reading, was_interrupted=True))
    play = office.last(telephony.Play)
    assert play.media[0].endswith("order_taken.wav")
    assert not play.barge_in
    assert isinstance(office.hears(played(play)).commands[0], telephony.HangUp)


@pytest.mark.rule("C9")
def test_zero_cancels_the_order_that_is_read_back() -> None:
    """The customer has thought better of it: nothing is dialled, and the place ends."""
    office = an_office()
    office.hears(pressed_one())
    decision = office.hears(pressed("c1", "0"))
    (fact,) = decision.facts
    assert isinstance(fact, callback.CallbackCancelled)
    assert fact.reason == "by_customer"
    assert [type(command) for command in decision.commands] == [telephony.HangUp]


@pytest.mark.rule("C1", "C10")
@pytest.mark.parametrize(
    ("policy", "settings", "caller", "reason", "prompt"),
    [
        (DiallingPolicy(is_on=False), None, CUSTOMER, Refusal.SWITCHED_OFF, "refused_off"),
        (DiallingPolicy(is_on=False), None, None, Refusal.SWITCHED_OFF, "refused_off"),
        (
            DiallingPolicy(denied_numbers=(CUSTOMER,)),
            None,
            CUSTOMER,
            Refusal.DENIED,
            "refused_not_allowed",
        ),
        (
            None,
            directory.CallbackSettings(is_on=False),
            CUSTOMER,
            Refusal.CALLBACKS_OFF,
            "refused_off",
        ),
    ],
)
def test_an_order_that_cannot_be_made_is_refused_with_its_reason(
    policy: DiallingPolicy | None,
    settings: directory.CallbackSettings | None,
    caller: str | None,
    reason: Refusal,
    prompt: str,
) -> None:
    """The caller is told why and stays in the queue; nothing was promised."""
    office = an_office(policy=policy, settings=settings)
    decision = office.hears(pressed_one(caller=caller))
    (fact,) = decision.facts
    assert isinstance(fact, callback.CallbackRefused)
    assert (fact.reason, fact.leg_id, fact.department_id) == (reason, "c1", SALES)
    (play,) = decision.commands
    assert isinstance(play, telephony.Play)
    assert play.media[0].endswith(f"{prompt}.wav")
    assert play.play_id == fact.play_id
    assert len(office.state.orders) == len(office.waiting_for()) == 0


@pytest.mark.rule("C1", "C12")
def test_an_invited_caller_may_order_until_the_deadline_itself() -> None:
    """EC-34, C12: an invited caller who presses the key is not told «too late» before the deadline itself."""
    office = an_office()
    office.hears(pressed_one(), after_ms=TEN_MINUTES_MS - 1)
    assert office.last(callback.CallbackOrdered).callback_id == cb()
    late = an_office()
    late.hears(pressed_one(), after_ms=TEN_MINUTES_MS)
    assert late.last(callback.CallbackRefused).reason is Refusal.NO_TIME_LEFT


@pytest.mark.rule("C12")
def test_quiet_hours_do_not_stop_a_call_that_is_due_within_the_timeout() -> None:
    """At 23:00 in Moscow the customer has just called and waits for this; C11's callbacks are different."""
    office = an_office()
    night = NINE // 86_400_000 * 86_400_000 + 20 * 3_600_000  # 23:00 in Moscow
    office.hears(pressed_one(joined=night), ended("c1"), after_ms=night - NINE)
    office, _ = dialling(office=office)
    assert office.said(callback.CallbackBarred) == []


def test_what_comes_twice_or_late_in_a_conversation_changes_nothing() -> None:
    """Phones and networks repeat themselves."""
    office = an_office()
    office.hears(pressed_one())
    assert office.hears(pressed_one()).facts == ()
    first = office.last(telephony.Play)
    office.hears(played(first), ended("c1"))
    before = office.state.callbacks[cb()]
    for fact in (played(first), ended("c1"), pressed("c1", "0"), typed("c1", ""), answered("c1")):
        assert office.hears(fact).facts == ()
    assert office.state.callbacks[cb()] == before
    assert office.hears(pressed_one()).facts == ()


def test_a_play_that_is_refused_ends_like_one_that_was_heard() -> None:
    """The order is durable; a line on which nothing can be played is not kept open."""
    office = an_office()
    office.hears(pressed_one())
    assert isinstance(office.hears(refused("c1", "telephony.play")).commands[0], telephony.HangUp)


def test_an_agent_who_accepts_while_a_number_is_typed_gets_the_caller() -> None:
    """Talking is better than typing; if the agent drops, the number is asked for again."""
    office = an_office()
    office.hears(pressed_one(caller=None), accepted())
    assert office.hears(typed("c1", "89161112233")).facts == ()
    office.hears(queue.OfferReopened(place_id=place(), agent_id=AgentId("anna")))
    assert office.last(callback.NumberWanted).tries_left == 3
    office.hears(accepted(), place_connected("c1", "anna", "c1"))
    assert len(office.state.orders) == 0
