"""A customer whose data were erased is in no letter that goes out afterwards (V6, EC-75)."""

from typing import Final

import pytest
from msgspec import structs

from contracts.directory import Recipient
from contracts.history import CustomerErased, UnheardMessage
from contracts.ids import Instant
from contracts.message import Fact
from contracts.routing import VoicemailReached
from contracts.voicemail import (
    LetterAccepted,
    LetterDeferred,
    LetterDue,
    LetterFailed,
    LetterRetried,
    SendLetter,
)
from services.voicemail.decider.erasure import ERASED
from tests.unit.voicemail.stories import (
    CALLER,
    LEG,
    MORNING,
    VOLGA,
    Office,
    an_office_with_a_message,
    at,
    barred,
    diverted,
    expired,
    found,
    message_wanted,
    stored,
    unreached,
)
from tests.unit.voicemail.test_letters import FIRST, SECOND
from tests.unit.voicemail.test_retention_warnings import TWO, of_sales, unheard

GONE = CustomerErased(number=CALLER)


def a_letter_that_waits() -> Office:
    """Two letters; the mail server has deferred the first."""
    office = an_office_with_a_message()
    office.hear(stored())
    office.hear(LetterAccepted(letter_id=SECOND, answer="250 ok"))
    office.hear(LetterDeferred(letter_id=FIRST, answer="451 later", tries=0))
    return office


@pytest.mark.rule("V6")
def test_a_letter_that_was_put_off_ends_with_the_erasure() -> None:
    """The retry would come an hour later; the letter has nothing to tell by then, and is not sent."""
    office = a_letter_that_waits()
    decision = office.hear(GONE)
    assert decision.facts == (LetterFailed(letter_id=FIRST, answer=ERASED),)
    assert office.owes_nothing()


@pytest.mark.rule("V6")
def test_a_message_that_is_only_being_stored_is_told_to_nobody() -> None:
    """Its letters are not due yet, and never will be."""
    office = an_office_with_a_message()
    assert not office.hear(GONE).facts
    assert not found(office.hear(stored()), LetterDue)
    assert CALLER not in repr(list(office.state.messages))


@pytest.mark.rule("V6")
def test_a_letter_about_a_callback_ends_too() -> None:
    """It names the number as well."""
    office = Office()
    letters = found(office.hear(expired(has_voice_message=False)), LetterDue)
    ended = office.hear(GONE).facts
    assert ended == tuple(LetterFailed(letter_id=each.letter_id, answer=ERASED) for each in letters)
    assert list(office.state.callbacks) == []


@pytest.mark.rule("V6")
def test_a_warning_goes_on_without_the_customer_and_ends_where_it_was_about_nobody_else() -> None:
    """Other customers' voice messages are still unheard."""
    office = Office()
    other = UnheardMessage(
        voice_message_id=unheard("vm.3").voice_message_id,
        caller="+79160000003",
        taken_at=Instant(unheard("vm.3").taken_at),
        duration_ms=1_000,
        removed_at=unheard("vm.3").removed_at,
    )
    first = found(office.hear(of_sales(unheard("vm.1"), other)), LetterDue)[0]
    assert not office.hear(GONE).facts
    office.hear(LetterDeferred(letter_id=first.letter_id, answer="451", tries=0))
    again = found(office.hear(LetterRetried(letter_id=first.letter_id, tries=1)), SendLetter)
    assert [(command.unheard, command.unheard_count) for command in again] == [((other,), 1)]
    alone = Office()
    letters = found(alone.hear(TWO), LetterDue)
    assert len(alone.hear(GONE).facts) == len(letters)


@pytest.mark.rule("V6")
def test_other_customers_letters_go_on() -> None:
    """Letters about withheld numbers are sent, too."""
    office = a_letter_that_waits()
    assert not office.hear(CustomerErased(number="+79160000003")).facts
    assert found(office.wake(), SendLetter)


def test_an_answer_that_comes_after_the_erasure_changes_nothing() -> None:
    """The edge was sending the letter at that moment."""
    office = a_letter_that_waits()
    office.hear(GONE)
    assert not office.hear(LetterAccepted(letter_id=FIRST, answer="250 ok")).facts
    assert office.owes_nothing()


@pytest.mark.rule("V6")
def test_a_message_for_nobody_ends_by_saying_so() -> None:
    """Managers see it as a message that nobody was told of."""
    office = an_office_with_a_message(
        recipients=(), heads=(), administrators=(Recipient(name="Гусев", email=""),)
    )
    facts = office.hear(stored()).facts
    [failed] = [each for each in facts if isinstance(each, LetterFailed)]
    assert failed.answer.startswith("nobody has an e-mail address")


def of_before(fact: Fact) -> Office:
    """The office hears of something that had begun before the erasure, from a service that is late."""
    office = Office()
    office.hear(GONE)
    office.hear(fact)
    return office


def texts(office: Office) -> str:
    """Every record of the office and all that it has said."""
    return repr([list(table) for table in office.state.tables.values()]) + repr(office.said)


LATE: Final = {
    "diverted": diverted(),
    "direct": VoicemailReached(
        leg_id=LEG, pbx_id=VOLGA, caller="8" + CALLER[2:], line="+78432000000", arrived_at=at("00:00:00")
    ),
    "message wanted": structs.replace(message_wanted(), ordered_at=Instant(MORNING - 500_000)),
    "expired": expired(has_voice_message=False),
    "unreached": unreached(),
    "barred": barred(),
}


@pytest.mark.rule("V6")
@pytest.mark.parametrize("fact", LATE.values(), ids=list(LATE))
def test_what_a_late_service_tells_of_an_erased_customer_goes_on_without_the_number(fact: Fact) -> None:
    """Who was to be told is told, and not whom it was about (EC-75)."""
    office = of_before(fact)
    assert CALLER[2:] not in texts(office)
    assert len(office.state.messages) + len(office.state.callbacks) == 1


@pytest.mark.rule("V6")
@pytest.mark.parametrize("fact", LATE.values(), ids=list(LATE))
def test_who_calls_or_orders_after_the_erasure_is_named_in_letters(fact: Fact) -> None:
    """An erasure is no ban: the recipients can call back."""
    later = at("00:01:00")
    fields = {"ordered_at", "joined_at", "arrived_at"} & set(fact.__struct_fields__)
    office = of_before(structs.replace(fact, **dict.fromkeys(fields, later)))
    assert CALLER in texts(office)
