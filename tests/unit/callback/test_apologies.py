"""Apologies: which customers are owed one, five lines at once, asked twice, and how the callback ends."""

import pytest

from contracts import callback, directory, gateway, queue, telephony
from contracts.gateway import EndedBy, Outcome
from contracts.ids import DepartmentId, Instant, LegId, NoticeId
from contracts.prompts import company_notice
from contracts.tts import NoticeRendered
from tests.unit.callback.stories import (
    CUSTOMER,
    LINE,
    NINE,
    PBX,
    TEN_MINUTES_MS,
    Office,
    a_department,
    an_office,
    answered,
    apologizing,
    cb,
    deadline_passed,
    ended,
    message_missing,
    message_taken,
    ordered,
    place,
    played,
    pressed,
    pressed_one,
    ready,
    refused,
    requested,
)


def many_due(count: int) -> Office:
    """An office in which many callbacks reach their deadlines, the latest-joined first."""
    office = an_office()
    for n in range(count):
        office.hears(pressed_one(f"c{n}", caller=f"+7912000000{n}", joined=NINE + n), ended(f"c{n}"))
    office.hears(*(deadline_passed(f"c{n}") for n in reversed(range(count))))
    return office


def dialled(office: Office) -> list[str]:
    """The customers whose apologies were dialled, in order."""
    return [each.callback_id.removeprefix("cb.p.") for each in office.said(callback.ApologyDialled)]


@pytest.mark.rule("C4", "C5", "G5")
def test_at_the_deadline_the_customer_is_called_with_an_apology() -> None:
    """Nobody came: the customer hears so by phone, and sees the line that was called on the display."""
    office = ordered()
    decision = office.hears(deadline_passed(), after_ms=TEN_MINUTES_MS)
    queued, apology = decision.facts
    assert queued == callback.ApologyQueued(
        callback_id=cb(), place_id=place(), due_at=office.at, number=CUSTOMER
    )
    assert apology == callback.ApologyDialled(
        callback_id=cb(), leg_id=LegId("cb.p.c1.apology1"), attempt=1, place_id=place()
    )
    (dial,) = decision.commands
    assert isinstance(dial, telephony.DialLeg)
    assert (dial.address, dial.caller_id, dial.ring_ms_max) == (f"tel:{CUSTOMER}", LINE, 30_000)


@pytest.mark.rule("C4", "T1")
def test_n12_the_apology_names_the_company_that_calls() -> None:
    """An unexpected call first says who is calling, once the company's name has been rendered."""
    office = an_office()
    office.hears(
        NoticeRendered(
            notice_id=company_notice(directory.Language.RUSSIAN),
            version=1,
            language=directory.Language.RUSSIAN,
            parts=("own/company.wav",),
            duration_ms=900,
        )
    )
    office, _ = apologizing(office=ordered(office=office))
    said = [key.rpartition("/")[2] for key in office.last(telephony.Play).media]
    assert said == ["apology_from.wav", "company.wav", "apology_after_name.wav", "apology_press_one.wav"]


def beside_another_callback() -> tuple[Office, LegId]:
    """A customer of two departments hears the apology of one, and that call is waited for in the other."""
    office = an_office()
    service = DepartmentId("service")
    office.hears(a_department(department_id=service))
    office.hears(pressed_one("c2", department_id=service), ended("c2"))
    office, leg_id = apologizing(office=ordered(office=office))
    on_line = queue.CustomerOnLine(place_id=place("c2"), callback_id=cb("c2"), leg_id=leg_id)
    office.hears(ready("c2"), on_line)
    return office, leg_id


@pytest.mark.rule("C4", "C15")
@pytest.mark.parametrize("leaves", [True, False])
def test_m29_an_apology_goes_on_whatever_another_callback_of_that_customer_does(*, leaves: bool) -> None:
    """Whether the other department's agent still waits for the end of that call, or has left."""
    office, leg_id = beside_another_callback()
    apology = next(each for each in office.said(telephony.Play) if each.leg_id == leg_id)
    if leaves:
        office.hears(ended("anna.leg"))
    office.hears(played(apology))
    office.waits(10_000)
    assert office.last(callback.ApologyMade).ask == 2
    office.hears(pressed(leg_id, "1"))
    assert office.last(callback.MessageWanted).callback_id == cb()


@pytest.mark.rule("C15")
def test_m29_at_the_end_of_an_apology_the_other_departments_agent_is_given_the_customer() -> None:
    """Nobody has dialled before: the customer was on the line."""
    office, leg_id = beside_another_callback()
    office.hears(played(office.last(telephony.Play)))
    assert office.last(callback.CustomerExpected).leg_id == leg_id
    office.hears(ended(leg_id))
    assert office.last(callback.CustomerDialled).callback_id == cb("c2")
    assert office.last(callback.CallbackExpired).callback_id == cb()


@pytest.mark.rule("C4")
def test_the_customer_is_asked_twice_for_a_key() -> None:
    """So that a machine is never recorded; then the callback ends, and the recipients get a letter."""
    office, leg_id = apologizing()
    first = office.last(telephony.Play)
    assert [key.rpartition("/")[2] for key in first.media] == ["apology.wav", "apology_press_one.wav"]
    office.hears(played(first))
    office.waits(10_000)
    second = office.last(callback.ApologyMade)
    assert second.ask == 2
    assert [key.rpartition("/")[2] for key in office.last(telephony.Play).media] == ["apology_press_one.wav"]
    office.hears(played(office.last(telephony.Play)))
    office.waits(20_000)
    expired = office.last(callback.CallbackExpired)
    assert (expired.has_voice_message, expired.was_told, expired.reason) == (False, True, "no_key")
    assert office.last(telephony.HangUp).leg_id == leg_id
    assert len(office.said(callback.ApologyMade)) == 2


@pytest.mark.rule("C4", "C13")
def test_one_after_the_apology_leaves_a_voice_message() -> None:
    """EC-52: voicemail takes the leg over, and the callback expires with the message."""
    office, leg_id = apologizing()
    (wanted,) = office.hears(pressed(leg_id, "1")).facts
    assert wanted == callback.MessageWanted(
        callback_id=cb(),
        place_id=place(),
        department_id=office.state.departments["sales"].department_id,
        pbx_id=PBX,
        leg_id=leg_id,
        number=CUSTOMER,
        joined_at=NINE,
        deadline_at=Instant(NINE + 600_000),
        ordered_at=NINE,
    )
    assert office.hears(ended(leg_id)).facts == ()
    (expired,) = office.hears(message_taken()).facts
    assert isinstance(expired, callback.CallbackExpired)
    assert expired.has_voice_message
    assert [line.what for line in expired.story] == [
        "ordered",
        "deadline_passed",
        "apology_queued",
        "apology_dialled",
        "apology_made",
        "message_wanted",
        "expired",
    ]


@pytest.mark.rule("C4")
def test_one_and_then_silence_is_an_expired_callback_without_a_message() -> None:
    """The recipients get a letter without audio."""
    office, leg_id = apologizing()
    office.hears(pressed(leg_id, "1"))
    (expired,) = office.hears(message_missing()).facts
    assert isinstance(expired, callback.CallbackExpired)
    assert (expired.has_voice_message, expired.was_told) == (False, True)
    assert office.hears(message_taken()).facts == ()


@pytest.mark.rule("C4")
def test_a_callback_of_which_voicemail_says_nothing_ends() -> None:
    """A callback ends exactly once, whatever else fails."""
    office, leg_id = apologizing()
    office.hears(pressed(leg_id, "1"))
    office.waits(1_000_000)
    assert office.last(callback.CallbackExpired).reason == "no_word_of_voicemail"


@pytest.mark.rule("C4")
def test_a_customer_who_hangs_up_in_the_apology_was_told() -> None:
    """The customer knows; nobody calls again."""
    office, leg_id = apologizing()
    (expired,) = office.hears(ended(leg_id)).facts
    assert isinstance(expired, callback.CallbackExpired)
    assert (expired.was_told, expired.reason) == (True, "hung_up")


@pytest.mark.rule("C9")
def test_zero_in_the_apology_cancels() -> None:
    """The customer wants no call any more: no letter asks for one."""
    office, leg_id = apologizing()
    decision = office.hears(pressed(leg_id, "0"))
    (cancelled,) = decision.facts
    assert isinstance(cancelled, callback.CallbackCancelled)
    assert cancelled.reason == "by_customer"
    assert decision.commands == (telephony.HangUp(pbx_id=PBX, leg_id=leg_id, reason="callback_ended"),)


@pytest.mark.rule("C4")
def test_another_key_is_no_answer() -> None:
    """It interrupts the apology, and the question is asked again."""
    office, leg_id = apologizing()
    play = office.last(telephony.Play)
    assert office.hears(pressed(leg_id, "7")).facts == ()
    office.hears(played(play, was_interrupted=True))
    office.waits(10_000)
    assert office.last(callback.ApologyMade).ask == 2


@pytest.mark.rule("C4")
def test_five_at_once_the_earliest_deadline_first() -> None:
    """A bad day must not take all the PBX's lines; the customer who waited longest is told first."""
    office = many_due(8)
    assert dialled(office) == ["c7", "c6", "c5", "c4", "c3"], "as their deadlines passed, until five"
    for leg_id in [each.leg_id for each in office.said(callback.ApologyDialled)][:3]:
        office.hears(answered(leg_id), ended(leg_id))
    assert dialled(office)[5:] == ["c0", "c1", "c2"]


@pytest.mark.rule("C4")
def test_a_line_is_free_when_its_leg_has_ended() -> None:
    """A voice message is spoken on that line, too."""
    office = many_due(6)
    leg_id = office.said(callback.ApologyDialled)[0].leg_id
    office.hears(answered(leg_id), pressed(leg_id, "1"), message_taken("c5"))
    assert len(dialled(office)) == 5
    office.hears(ended(leg_id))
    assert len(dialled(office)) == 6


@pytest.mark.rule("C4")
def test_tried_twice_sixty_seconds_apart() -> None:
    """Then the recipients are told that the customer does not know."""
    office = ordered()
    office.hears(deadline_passed())
    office.hears(requested("cb.p.c1.apology1"), ended("cb.p.c1.apology1", Outcome.BUSY))
    assert office.last(callback.ApologyFailed).next_attempt_at == office.at + 60_000
    office.waits(59_999)
    assert len(dialled(office)) == 1
    office.waits(60_000)
    assert office.last(callback.ApologyDialled).attempt == 2
    office.hears(requested("cb.p.c1.apology2"))
    failed, expired = office.hears(ended("cb.p.c1.apology2", Outcome.NO_ANSWER)).facts
    assert isinstance(failed, callback.ApologyFailed)
    assert failed.next_attempt_at is None
    assert isinstance(expired, callback.CallbackExpired)
    assert (expired.was_told, expired.has_voice_message, expired.reason) == (False, False, "no_answer")


@pytest.mark.rule("C4")
def test_an_apology_to_a_number_that_does_not_exist_is_not_repeated() -> None:
    """The same holds for attempts."""
    office = ordered()
    office.hears(deadline_passed())
    office.hears(ended("cb.p.c1.apology1", Outcome.BAD_NUMBER))
    assert not office.last(callback.CallbackExpired).was_told


@pytest.mark.rule("C4")
def test_while_the_pbx_is_away_nobody_is_called() -> None:
    """EC-51: when it returns five at a time are called, without a burst."""
    office = an_office()
    for n in range(7):
        office.hears(pressed_one(f"c{n}", caller=f"+7912000000{n}", joined=NINE + n), ended(f"c{n}"))
    office.hears(gateway.PbxLost(pbx_id=PBX), *(deadline_passed(f"c{n}") for n in range(7)))
    assert dialled(office) == []
    office.hears(gateway.PbxReturned(pbx_id=PBX, live_legs=()))
    assert dialled(office) == ["c0", "c1", "c2", "c3", "c4"]


@pytest.mark.rule("C4")
def test_an_apology_that_the_gateway_did_not_dial_was_no_try() -> None:
    """After a refusal it is tried again in a minute, and the line is free at once; but not for ever."""
    office = many_due(6)
    first = office.said(callback.ApologyDialled)[0]
    decision = office.hears(refused(first.leg_id))
    assert isinstance(decision.facts[0], callback.ApologyFailed)
    assert dialled(office)[5] == "c0"
    for _ in range(30):
        office.waits(office.at - NINE + 60_000)
        office.hears(refused(office.last(callback.ApologyDialled).leg_id))
    assert len(office.said(callback.CallbackExpired)) > 0


@pytest.mark.rule("C4")
def test_a_refusal_that_comes_late_frees_the_line_for_others() -> None:
    """The callback has given up that dial by then; others who wait for a line must not wait for ever."""
    office = many_due(6)
    office.waits(66_000)
    assert len(office.said(callback.ApologyFailed)) == 5
    office.hears(*(refused(each.leg_id) for each in office.said(callback.ApologyDialled)))
    assert "c0" in dialled(office)


@pytest.mark.rule("C4")
def test_an_apology_of_which_nothing_is_heard_fails() -> None:
    """The leg is hung up and tried once more."""
    office = ordered()
    office.hears(deadline_passed(), requested("cb.p.c1.apology1"))
    office.waits(66_000)
    assert office.last(callback.ApologyFailed).outcome is Outcome.FAILED
    assert office.last(telephony.HangUp).leg_id == "cb.p.c1.apology1"


@pytest.mark.rule("C4")
def test_an_apology_whose_end_is_never_heard_goes_on() -> None:
    """A lost fact costs the customer at most a minute of silence."""
    office, _ = apologizing()
    office.waits(200_000)
    assert office.last(callback.CallbackExpired).reason == "no_key"


@pytest.mark.rule("C4")
def test_a_line_that_is_held_for_too_long_is_hung_up_until_its_end_is_heard() -> None:
    """Five lost facts must not stop all apologies; a leg that the gateway does not know holds no line."""
    office, leg_id = apologizing()
    office.waits(1_000_000)
    assert office.last(telephony.HangUp) == telephony.HangUp(pbx_id=PBX, leg_id=leg_id, reason="silent")
    assert office.state.lines_taken[PBX] == 1
    office.hears(refused(leg_id, "telephony.hang_up"))
    assert office.state.lines_taken[PBX] == 0
    assert len(office.waiting_for()) == 0


@pytest.mark.rule("C4", "T5")
def test_a_departments_own_apology_and_none() -> None:
    """Its own notice is played once it is rendered; with «none» only the question is asked."""
    choice = directory.NoticeChoice(kind=directory.NoticeKind.UPLOADED, notice_id=NoticeId("n1"))
    office = an_office(notices=directory.NoticeChoices(apology=choice))
    office.hears(
        NoticeRendered(
            notice_id=NoticeId("n1"),
            version=3,
            language=directory.Language.RUSSIAN,
            parts=("own/sorry.wav",),
            duration_ms=1,
        )
    )
    office, _ = apologizing(office=ordered(office=office))
    assert office.last(telephony.Play).media[0] == "own/sorry.wav"
    none = directory.NoticeChoice(kind=directory.NoticeKind.NONE)
    silent = an_office(notices=directory.NoticeChoices(apology=none))
    silent, _ = apologizing(office=ordered(office=silent))
    assert len(silent.last(telephony.Play).media) == 1


def test_late_and_repeated_facts_of_an_apology_change_nothing() -> None:
    """The deadline, the answer and the key may all come twice."""
    office, leg_id = apologizing()
    facts = len(office.facts)
    office.hears(deadline_passed(), answered(leg_id), message_taken(), pressed("other", "1"))
    assert len(office.facts) == facts
    office.hears(pressed(leg_id, "1"))
    assert office.hears(pressed(leg_id, "1")).facts == ()
    office.hears(message_taken())
    facts = len(office.facts)
    office.hears(message_taken(), ended(leg_id, by=EndedBy.US), ended(leg_id), deadline_passed())
    assert len(office.facts) == facts
