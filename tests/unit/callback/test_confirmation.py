"""A key confirms the customer where the department wants it; the agent can say that nobody was reached."""

import msgspec
import pytest

from contracts import callback, directory, telephony
from contracts.gateway import Outcome
from contracts.ids import AgentId, Instant, LegId, NoticeId
from contracts.prompts import Prompt, company_notice
from contracts.tts import NoticeRendered
from tests.unit.callback.stories import (
    Office,
    a_department,
    an_office,
    answered,
    bridged,
    cb,
    dialling,
    ended,
    ordered,
    played,
    pressed,
    talked,
)

WANTS_A_KEY = directory.CallbackSettings(confirms_customer=True)


def asked(office: Office | None = None) -> tuple[Office, LegId]:
    """Somebody, or something, has picked up and is asked for a key."""
    office = ordered(office=office or an_office(settings=WANTS_A_KEY))
    office, leg_id = dialling(office=office)
    office.hears(answered(leg_id))
    return office, leg_id


def not_reached(by: str = "anna") -> directory.CallbackNotReachedAsked:
    """An agent says that it was a machine."""
    return directory.CallbackNotReachedAsked(callback_id=cb(), by=AgentId(by))


@pytest.mark.rule("C16")
def test_the_person_who_picks_up_presses_a_key_and_is_bridged() -> None:
    """Until then Anna hears the ringing tone and no machine."""
    office, leg_id = asked()
    words = office.last(telephony.Play)
    assert (words.leg_id, words.barge_in) == (leg_id, True)
    assert words.media[-1].endswith(f"/{Prompt.CONFIRM_CUSTOMER}.wav")
    assert not office.said(telephony.Bridge)
    assert not office.said(callback.CustomerAnswered)
    office.hears(pressed(leg_id, "1"))
    assert office.last(telephony.Bridge).legs == ("anna.leg", leg_id)
    connected = talked(office)
    assert connected.attempts == 1
    assert "confirmation_asked" in [line.what for line in connected.story]


@pytest.mark.rule("C16")
def test_it_is_said_which_company_calls() -> None:
    """The name is said once it has been rendered."""
    office = an_office(settings=WANTS_A_KEY)
    office.hears(
        NoticeRendered(
            notice_id=NoticeId(company_notice(directory.Language.RUSSIAN)),
            version=1,
            language=directory.Language.RUSSIAN,
            parts=("own/name.wav",),
            duration_ms=1,
        )
    )
    office, _ = asked(office)
    said = [key.rpartition("/")[2] for key in office.last(telephony.Play).media]
    assert said == ["apology_from.wav", "name.wav", "confirm_customer.wav"]


@pytest.mark.rule("C16", "C6")
def test_without_a_key_nobody_has_answered() -> None:
    """A machine goes on speaking: ten seconds after the question it is hung up, and the attempt counts."""
    office, leg_id = asked()
    office.hears(played(office.last(telephony.Play)), pressed(leg_id, "7"))
    office.waits_until(Instant(office.at + 9_999))
    assert not office.said(callback.AttemptFailed)
    office.waits_until(Instant(office.at + 1))
    failed = office.last(callback.AttemptFailed)
    assert (failed.outcome, failed.is_uncounted) == (Outcome.NO_ANSWER, False)
    assert failed.next_attempt_at == office.at + 60_000
    assert leg_id in [each.leg_id for each in office.said(telephony.HangUp)]
    assert office.last(telephony.Play).media[0].endswith("/customer_no_answer.wav")
    assert office.state.callbacks[cb()].attempts == 1


@pytest.mark.rule("C16", "C6")
def test_a_person_who_hangs_up_instead_has_not_answered() -> None:
    """It counts as unanswered, whatever the network calls it."""
    office, leg_id = asked()
    office.hears(ended(leg_id, Outcome.COMPLETED))
    failed = office.last(callback.AttemptFailed)
    assert (failed.outcome, failed.is_uncounted) == (Outcome.NO_ANSWER, False)


@pytest.mark.rule("C16")
def test_a_question_whose_end_is_never_heard_ends_as_well() -> None:
    """Nobody waits for ever."""
    office, _ = asked()
    office.waits_until(Instant(office.at + 30_000))
    assert office.last(callback.AttemptFailed).outcome is Outcome.NO_ANSWER


@pytest.mark.rule("C16")
def test_without_the_question_the_two_are_connected_without_a_key() -> None:
    """A prompt that is missing costs nobody the call."""
    office, leg_id = asked()
    office.hears(played(office.last(telephony.Play), ok=False))
    assert office.last(telephony.Bridge).legs == ("anna.leg", leg_id)


@pytest.mark.rule("C16", "R1")
def test_where_calls_are_recorded_that_is_said_after_the_key() -> None:
    """So a machine is not told."""
    office = an_office()
    recording = a_department(version=2, settings=WANTS_A_KEY)
    office.hears(msgspec.structs.replace(recording, records_calls=True))
    office, leg_id = asked(office)
    office.hears(pressed(leg_id, "1"))
    notice = office.last(telephony.Play)
    assert notice.media[0].endswith(f"/{Prompt.CALL_RECORDED}.wav")
    assert not office.said(telephony.Bridge)
    office.hears(played(notice))
    assert talked(office).recording_id is not None


@pytest.mark.rule("C16", "C7")
def test_an_agent_who_drops_meanwhile_leaves_a_held_customer() -> None:
    """The same holds for any customer who has picked up."""
    office, leg_id = asked()
    office.hears(ended("anna.leg"))
    assert office.last(callback.CustomerHeld).leg_id == leg_id


@pytest.mark.rule("C16", "C9")
def test_a_callback_withdrawn_meanwhile_ends_cancelled_without_a_key() -> None:
    """A customer on the line is not cut off: after the key the two talk."""
    office, _ = asked()
    office.hears(directory.CallbackCancelAsked(callback_id=cb(), by=AgentId("boris")))
    assert not office.said(callback.CallbackCancelled)
    office.waits_until(Instant(office.at + 30_000))
    assert office.last(callback.CallbackCancelled).reason == "by_agent"
    office, leg_id = asked()
    office.hears(directory.CallbackCancelAsked(callback_id=cb(), by=AgentId("boris")), pressed(leg_id, "1"))
    assert talked(office).leg_id == leg_id


@pytest.mark.rule("C16")
def test_no_key_is_asked_for_by_default() -> None:
    """It is a switch."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    assert office.said(telephony.Bridge)
    assert not office.said(callback.ConfirmationAsked)


@pytest.mark.rule("C13", "C16", "C6")
@pytest.mark.parametrize("when", ["dialling", "asked", "talking"])
def test_the_agent_says_that_nobody_was_reached(when: str) -> None:
    """The attempt counts as unanswered; the customer's leg is hung up, and another attempt follows."""
    office, leg_id = dialling() if when == "dialling" else asked()
    if when == "talking":
        office.hears(pressed(leg_id, "1"))
        office.hears(bridged(office.last(telephony.Bridge)))
        office.waits_until(Instant(office.at + 59_000))
    office.hears(not_reached())
    failed = office.last(callback.AttemptFailed)
    assert (failed.outcome, failed.is_uncounted) == (Outcome.NO_ANSWER, False)
    assert failed.next_attempt_at == office.at + 60_000
    assert leg_id in [each.leg_id for each in office.said(telephony.HangUp)]
    assert not office.said(callback.CallbackConnected)


@pytest.mark.rule("C13")
def test_after_a_minute_of_talk_or_from_somebody_else_it_changes_nothing() -> None:
    """By then it was a talk, and only its own agent can know."""
    office, leg_id = asked()
    office.hears(pressed(leg_id, "1"))
    office.hears(bridged(office.last(telephony.Bridge)), not_reached("boris"))
    assert not office.said(callback.AttemptFailed)
    office.waits_until(Instant(office.at + 60_000))
    office.hears(not_reached())
    assert not office.said(callback.AttemptFailed)
    assert len(office.said(callback.CallbackConnected)) == 1
