"""One callback per number: ordering again, taking the place over, and the number that is shown."""

import pytest

from contracts import callback, directory, queue, telephony
from contracts.ids import DepartmentId, Instant, LegId, NoticeId
from contracts.tts import NoticeRendered
from tests import offices
from tests.unit.callback.stories import (
    CUSTOMER,
    LINE,
    NINE,
    PBX,
    SALES,
    TEN_MINUTES_MS,
    a_department,
    an_office,
    cb,
    deadline_passed,
    dialling,
    ended,
    ordered,
    place,
    place_connected,
    played,
    pressed,
    pressed_one,
    typed,
)


@pytest.mark.rule("C8")
def test_ordering_again_confirms_the_first() -> None:
    """One number, one callback: the first place stands, and the customer hears the same words."""
    office = ordered("c1")
    decision = office.hears(pressed_one("c2"))
    assert decision.facts == (
        callback.CallbackConfirmed(
            callback_id=cb("c1"),
            place_id=place("c1"),
            new_place_id=place("c2"),
            leg_id=LegId("c2"),
            joined_at=NINE,
            deadline_at=Instant(NINE + TEN_MINUTES_MS),
        ),
    )
    play = office.last(telephony.Play)
    assert play.leg_id == "c2"
    assert office.hears(played(play)).commands == (
        telephony.HangUp(pbx_id=PBX, leg_id=LegId("c2"), reason="ordered"),
    )
    office.hears(ended("c2"))
    assert len(office.state.callbacks) == 1


@pytest.mark.rule("C8")
def test_a_caller_who_confirmed_an_order_may_change_and_cancel_it() -> None:
    """Two claims of one customer are one: the same keys work as for the caller's own order."""
    office = ordered("c1")
    office.hears(pressed_one("c2"), pressed("c2", "5"))
    assert office.last(callback.NumberWanted).leg_id == "c2"
    office = ordered("c1")
    office.hears(pressed_one("c2"), pressed("c2", "0"))
    assert office.last(callback.CallbackCancelled).callback_id == cb("c1")
    assert len(office.state.callbacks) == 0


@pytest.mark.rule("C8")
def test_the_same_number_in_two_departments_is_two_callbacks() -> None:
    """Sales and support are different questions."""
    office = ordered("c1")
    support = DepartmentId("support")
    office.hears(a_department(department_id=support), pressed_one("c2", department_id=support))
    assert len(office.said(callback.CallbackOrdered)) == 2


@pytest.mark.rule("C8")
def test_a_withheld_number_never_matches_but_a_typed_one_does() -> None:
    """Two callers without a number are two; one who types the number of a callback has that one."""
    office = ordered("c1")
    office.hears(pressed_one("c2", caller=None), typed("c2", CUSTOMER), typed("c2", "1"))
    assert office.last(callback.CallbackConfirmed).callback_id == cb("c1")


@pytest.mark.rule("C8")
def test_changing_the_number_to_one_that_has_a_callback_confirms_that_one() -> None:
    """Still one callback per number."""
    office = ordered("c1")
    office.hears(pressed_one("c2", caller="+79160000001"), pressed("c2", "2"))
    office.hears(typed("c2", CUSTOMER), typed("c2", "1"))
    assert office.last(callback.CallbackCancelled).callback_id == cb("c2")
    assert office.last(callback.CallbackConfirmed).callback_id == cb("c1")


@pytest.mark.rule("C8")
def test_a_caller_who_takes_the_place_over_and_talks_makes_the_order_void() -> None:
    """The callback became a caller in the same place; after the talk nobody calls back."""
    office = ordered("c1")
    office.hears(
        queue.CallbackTakenOver(
            place_id=place("c1"), new_place_id=place("c2"), callback_id=cb("c1"), leg_id=LegId("c2")
        )
    )
    office.hears(place_connected("c1", "anna", "c2"))
    assert office.last(callback.CallbackCancelled).reason == "talked_on_ordering_leg"


@pytest.mark.rule("C8", "C3")
def test_a_caller_who_took_the_place_over_and_hangs_up_is_a_callback_again() -> None:
    """Hanging up turns it back: the next agent dials."""
    office = ordered("c1")
    office.hears(
        queue.CallbackTakenOver(
            place_id=place("c1"), new_place_id=place("c2"), callback_id=cb("c1"), leg_id=LegId("c2")
        ),
        ended("c2"),
    )
    office, _ = dialling("c1", office=office)
    assert office.last(callback.CustomerDialled).callback_id == cb("c1")


@pytest.mark.rule("C4", "C8")
def test_a_deadline_with_the_customer_on_the_line_apologizes_there() -> None:
    """A customer who is on the phone already is not called."""
    office = ordered("c1")
    office.hears(
        queue.CallbackTakenOver(
            place_id=place("c1"), new_place_id=place("c2"), callback_id=cb("c1"), leg_id=LegId("c2")
        ),
        deadline_passed("c1"),
    )
    assert office.last(callback.ApologyMade).leg_id == "c2"
    assert office.said(telephony.DialLeg) == []


@pytest.mark.rule("C8")
def test_ordering_again_while_an_apology_is_due_is_a_new_order() -> None:
    """The new callback has all its attempts, and the old apology is not called any more."""
    office = ordered("c1")
    office.hears(deadline_passed("c1"))
    apology = office.last(callback.ApologyDialled)
    decision = office.hears(pressed_one("c2", joined=office.at))
    cancelled, order = decision.facts
    assert isinstance(cancelled, callback.CallbackCancelled)
    assert cancelled.reason == "ordered_again"
    assert isinstance(order, callback.CallbackOrdered)
    assert order.callback_id == cb("c2")
    hang_up = telephony.HangUp(pbx_id=PBX, leg_id=apology.leg_id, reason="callback_ended")
    assert hang_up in decision.commands


@pytest.mark.rule("G5")
@pytest.mark.parametrize(
    ("line", "numbers", "shown"),
    [
        ("+74951234560", (LINE, "+74951234560"), "+74951234560"),
        ("+78122223344", ("+74950000000", LINE), LINE),
        ("+78122223344", ("+74950000000",), "+74950000000"),
    ],
)
def test_customers_see_the_line_they_called_or_the_departments_number(
    line: str, numbers: tuple[str, ...], shown: str
) -> None:
    """The number is always one of the dialling PBX: any other would be a forged caller id."""
    office = an_office(numbers=numbers)
    office.hears(pressed_one(line=line), ended("c1"))
    assert office.last(callback.CallbackOrdered).caller_id == shown
    office, _ = dialling(office=office)
    assert office.last(telephony.DialLeg).caller_id == shown


@pytest.mark.rule("G5")
def test_a_number_that_the_pbx_has_lost_since_is_not_shown() -> None:
    """Numbers move between the order and the call."""
    office = ordered()
    office.hears(offices.pbx(PBX, "+74957654321", version=2))
    office, _ = dialling(office=office)
    assert office.last(telephony.DialLeg).caller_id == "+74957654321"


@pytest.mark.rule("T5", "C1")
def test_a_departments_own_confirmation_is_heard_once_it_is_rendered() -> None:
    """Until then the standard one is played; the number is read back either way."""
    choice = directory.NoticeChoice(kind=directory.NoticeKind.SPOKEN, notice_id=NoticeId("n1"))
    office = an_office(notices=directory.NoticeChoices(order_taken=choice))
    office.hears(pressed_one("c1"))
    assert office.last(telephony.Play).media[-1].endswith("order_taken.wav")
    office.hears(
        NoticeRendered(
            notice_id=NoticeId("n1"),
            version=1,
            language=directory.Language.RUSSIAN,
            parts=("own/1.wav", "{number}", "{position}"),
            duration_ms=1,
        ),
        pressed_one("c2", caller="+79161112233"),
    )
    media = office.last(telephony.Play).media
    assert "own/1.wav" in media
    assert "{position}" not in media


@pytest.mark.rule("C2")
def test_a_place_that_queue_diverts_makes_the_order_void() -> None:
    """The caller got the no-answer action on the line: no call follows it."""
    office = an_office()
    office.hears(pressed_one())
    office.hears(
        queue.PlaceDiverted(
            place_id=place(),
            department_id=SALES,
            pbx_id=PBX,
            leg_id=LegId("c1"),
            caller=CUSTOMER,
            line=LINE,
            joined_at=NINE,
            action=directory.ActionKind.VOICEMAIL,
            reason=queue.DivertReason.DEADLINE,
            waited_ms=1,
        )
    )
    assert office.last(callback.CallbackCancelled).reason == "diverted"
    assert office.hears(played(office.last(telephony.Play))).commands == ()
