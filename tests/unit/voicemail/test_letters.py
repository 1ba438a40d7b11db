"""Letters: to whom, about what, and again for a day (V4, C4)."""

import pytest
from prometheus_client import REGISTRY

from contracts.callback import Origin
from contracts.directory import AgentAvailabilitySaved, AgentSaved, Language, Recipient
from contracts.ids import AgentId, Instant
from contracts.message import Interval
from contracts.voicemail import (
    LetterAccepted,
    LetterDeferred,
    LetterDue,
    LetterFailed,
    LetterKind,
    LetterRetried,
    SendLetter,
)
from runtime import metrics
from services.voicemail import rules
from services.voicemail.decider import owed
from services.voicemail.service import gauges
from tests import offices
from tests.unit.voicemail.stories import (
    ADMINISTRATOR,
    ANNA,
    BORIS,
    CALLER,
    HEAD,
    MORNING,
    SALES,
    VOLGA,
    Office,
    an_office_with_a_message,
    barred,
    diverted,
    expired,
    finished,
    found,
    leg_ended,
    play_finished,
    spooled,
    stored,
    talked_otherwise,
    unreached,
)

FIRST, SECOND = "letter.vm.p.leg1.0", "letter.vm.p.leg1.1"
NO_MAIL = Recipient(name="Без почты", email=" ")


def an_office_with_letters(**office: tuple[Recipient, ...]) -> Office:
    told = an_office_with_a_message(**office)
    told.hear(stored())
    return told


def names(office: Office) -> list[str]:
    return [due.recipient.name for due in office.all_said(LetterDue)]


def deferred(letter_id: str, tries: int, *, is_answer_lost: bool = False) -> LetterDeferred:
    return LetterDeferred(letter_id=letter_id, answer="451 later", tries=tries, is_answer_lost=is_answer_lost)


def employee(recipient: Recipient, *, is_removed: bool = False) -> AgentSaved:
    return offices.agent(
        recipient.email,
        VOLGA,
        name=recipient.name,
        devices=(),
        email=recipient.email.upper(),
        is_removed=is_removed,
    )


def absent(
    recipient: Recipient, *, from_at: int = MORNING, until_at: int | None = None
) -> AgentAvailabilitySaved:
    end = None if until_at is None else Instant(until_at)
    return AgentAvailabilitySaved(
        agent_id=AgentId(recipient.email),
        version=1,
        hours=None,
        absences=(Interval(from_at=Instant(from_at), until_at=end),),
    )


@pytest.mark.rule("V4")
def test_everyone_on_the_departments_list_gets_one_letter() -> None:
    """Each recipient gets a letter in their language, with everything known of the call."""
    office = an_office_with_letters()
    first, second = office.all_said(SendLetter)
    assert (first.recipient, first.language) == (ANNA, Language.RUSSIAN)
    assert (second.recipient, second.language) == (BORIS, Language.ENGLISH)
    assert (first.caller, first.called_at, first.waited_ms) == (CALLER, MORNING - 600_000, 600_000)
    assert (first.department_name, first.timezone) == ("Продажи", "Europe/Samara")
    assert (first.duration_ms, first.has_expired_callback) == (11_000, False)


@pytest.mark.rule("V4")
def test_a_person_who_is_listed_twice_gets_one_letter() -> None:
    """The same address in other letters is the same person."""
    twin = Recipient(name="Анна Б.", email="ANNA@volga.example")
    assert names(an_office_with_letters(recipients=(ANNA, twin))) == ["Анна"]


@pytest.mark.rule("V4")
@pytest.mark.parametrize(
    ("recipients", "heads", "told"),
    [
        ((), (HEAD,), ["Глава"]),
        ((NO_MAIL,), (HEAD,), ["Глава"]),
        ((NO_MAIL, BORIS), (HEAD,), ["Boris"]),
        ((), (), ["Админ"]),
        ((NO_MAIL,), (NO_MAIL,), ["Админ"]),
    ],
)
def test_without_a_list_the_heads_are_told_and_without_heads_the_administrators(
    recipients: tuple[Recipient, ...], heads: tuple[Recipient, ...], told: list[str]
) -> None:
    """Somebody is always told; recipients without an e-mail address are passed over (EC-70)."""
    assert names(an_office_with_letters(recipients=recipients, heads=heads)) == told


@pytest.mark.rule("V4")
def test_an_employees_letters_go_to_the_own_list_else_the_employee_else_heads_else_administrators() -> None:
    """The order of V4 for a personal answering machine."""
    me = Recipient(name="Я", email="me@volga.example")
    cases = [((BORIS,), me, (HEAD,)), ((), me, (HEAD,)), ((), NO_MAIL, (HEAD,)), ((), NO_MAIL, ())]
    told = [
        rules.recipients(rules.employee_levels(own, self, heads, (ADMINISTRATOR,)), lambda _: False)
        for own, self, heads in cases
    ]
    assert told == [(BORIS,), (me,), (HEAD,), (ADMINISTRATOR,)]


@pytest.mark.rule("V4")
def test_who_was_removed_or_is_absent_is_passed_over() -> None:
    """A letter that nobody reads tells nobody (EC-70)."""
    office = Office()
    office.hear_all(employee(ANNA), absent(ANNA), employee(BORIS, is_removed=True))
    office.hear_all(diverted(), play_finished(), spooled(), finished(), leg_ended(), stored())
    assert names(office) == ["Глава"]


@pytest.mark.rule("V4")
def test_an_absence_that_is_over_or_not_begun_counts_for_nothing() -> None:
    """The log's time decides who is away."""
    office = Office()
    office.hear_all(employee(ANNA), absent(ANNA, from_at=MORNING - 9_000, until_at=MORNING))
    office.hear_all(employee(BORIS), absent(BORIS, from_at=MORNING + 86_400_000))
    office.hear_all(diverted(), play_finished(), spooled(), finished(), leg_ended(), stored())
    assert names(office) == ["Анна", "Boris"]


@pytest.mark.rule("V4")
def test_when_everybody_is_away_the_first_list_is_told_all_the_same() -> None:
    """An absent reader is better than no reader."""
    office = Office(heads=(), administrators=())
    for recipient in (ANNA, BORIS):
        office.hear_all(employee(recipient), absent(recipient))
    office.hear_all(diverted(), play_finished(), spooled(), finished(), leg_ended(), stored())
    assert names(office) == ["Анна", "Boris"]


@pytest.mark.rule("V4")
def test_where_nobody_has_an_address_the_failure_is_visible() -> None:
    """No letter can be sent; that is said, and the message stays in the console (EC-70)."""
    office = an_office_with_letters(recipients=(), heads=(), administrators=(NO_MAIL,))
    assert not office.all_said(SendLetter)
    assert "nobody has an e-mail address" in office.all_said(LetterFailed)[0].answer
    assert office.owes_nothing()


@pytest.mark.rule("V4")
def test_recipients_of_a_department_nobody_knows_are_the_administrators() -> None:
    """A customer is not lost in a department whose card has not come."""
    office = Office()
    office.state.departments.drop(SALES)
    office.hear_all(diverted(), play_finished(), spooled(), finished(), leg_ended(), stored())
    assert names(office) == ["Админ"]


@pytest.mark.rule("C4", "V4")
def test_an_expired_callback_without_a_voice_message_is_told_without_audio() -> None:
    """The customer was promised a call: the recipients must know that it never came."""
    office = Office()
    office.hear(expired(has_voice_message=False))
    commands = office.all_said(SendLetter)
    assert [command.kind for command in commands] == [LetterKind.EXPIRED] * 2
    assert {command.letter_id for command in commands} == {"letter.cb.p.leg0.0", "letter.cb.p.leg0.1"}
    assert (commands[0].caller, commands[0].waited_ms) == (CALLER, 600_000)
    assert commands[0].has_expired_callback


@pytest.mark.rule("C4")
def test_an_expired_callback_with_a_voice_message_is_told_by_the_message() -> None:
    """One event gives one letter."""
    office = Office()
    assert not office.hear(expired(has_voice_message=True)).facts


@pytest.mark.rule("C6", "V4")
def test_a_callback_that_was_never_reached_is_told_with_the_reason() -> None:
    """If the number does not exist, somebody should check the order (EC-42)."""
    office = Office()
    office.hear(unreached("bad_number"))
    assert {(letter.kind, letter.reason) for letter in office.all_said(SendLetter)} == {
        (LetterKind.UNREACHED, "bad_number")
    }
    for due in office.all_said(LetterDue):
        office.hear(LetterAccepted(letter_id=due.letter_id, answer="250 OK"))
    assert not len(office.state.callbacks)


@pytest.mark.rule("C10", "V4")
def test_m10_a_callback_that_ended_refused_is_told_with_the_reason() -> None:
    """The customer waits for a call that nobody may make; the recipients must know it, and why."""
    office = Office()
    office.hear(barred())
    commands = office.all_said(SendLetter)
    assert [(each.kind, each.reason, each.caller) for each in commands] == [
        (LetterKind.REFUSED, "denied", CALLER)
    ] * 2
    assert not any(each.has_expired_callback or each.was_abandoned for each in commands)
    for due in office.all_said(LetterDue):
        office.hear(LetterAccepted(letter_id=due.letter_id, answer="250 OK"))
    assert not len(office.state.callbacks)


@pytest.mark.rule("C10", "C11")
def test_m10_a_refused_callback_after_an_abandoned_call_is_told_as_one() -> None:
    """Nobody had ordered it."""
    office = Office()
    office.hear(barred(Origin.ABANDONED))
    assert all(each.was_abandoned for each in office.all_said(SendLetter))


@pytest.mark.rule("C4", "C10", "C12", "C15")
@pytest.mark.parametrize("reason", ["switched_off", "quiet_hours", "customer_on_line", "apology_too_late"])
def test_m10_a_callback_that_nobody_might_dial_is_told_with_the_reason(reason: str) -> None:
    """The customer was neither called nor told."""
    office = Office()
    office.hear(expired(has_voice_message=False, reason=reason))
    assert {(each.kind, each.reason) for each in office.all_said(SendLetter)} == {
        (LetterKind.EXPIRED, reason)
    }


@pytest.mark.rule("C14")
def test_m7_a_callback_that_ended_by_another_call_is_no_letter() -> None:
    """The customer has talked with the department, so nobody has to do anything."""
    office = Office()
    assert not office.hear(talked_otherwise()).facts
    assert not office.all_said(SendLetter)


@pytest.mark.rule("C4")
def test_the_same_end_of_a_callback_heard_again_writes_nothing_new_while_letters_are_open() -> None:
    """The letters of one callback have fixed names."""
    office = Office()
    office.hear_all(unreached(), unreached())
    assert len(office.all_said(LetterDue)) == 2


@pytest.mark.rule("V4")
def test_a_letter_that_the_server_deferred_is_repeated_with_growing_pauses_for_a_day() -> None:
    """A mailbox that is full today may not be tomorrow; the letter keeps its Message-ID (EC-65)."""
    office = an_office_with_letters(recipients=(ANNA,))
    began_at, pauses, tries = office.now_at, [], 0
    while not office.all_said(LetterFailed):
        since_at = office.now_at
        office.hear(deferred(FIRST, tries))
        if office.all_said(LetterFailed):
            break
        decision = office.wake()
        (again,) = found(decision, SendLetter)
        tries += 1
        assert (again.letter_id, again.tries) == (FIRST, tries)
        assert found(decision, LetterRetried)[0].tries == tries
        pauses.append((office.now_at - since_at) // 60_000)
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert 22 * 60 < sum(pauses) <= 24 * 60
    assert office.all_said(LetterFailed)[0].answer == "451 later"
    assert office.now_at - began_at <= rules.LETTER_RETRIED_MS_MAX
    assert office.owes_nothing()


@pytest.mark.rule("V4")
def test_one_failing_recipient_costs_nobody_a_second_letter() -> None:
    """Anna has her letter; the fault of Boris's server does not concern her (EC-65)."""
    office = an_office_with_letters()
    office.hear(LetterAccepted(letter_id=FIRST, answer="250 OK"))
    office.hear(deferred(SECOND, 0))
    office.wake()
    office.hear(LetterFailed(letter_id=SECOND, answer="550 unknown"))
    assert [command.recipient.name for command in office.all_said(SendLetter)] == ["Анна", "Boris", "Boris"]
    assert office.owes_nothing()


@pytest.mark.rule("V4")
def test_a_letter_that_was_refused_for_good_is_not_repeated() -> None:
    """5xx means no, and no pause changes it."""
    office = an_office_with_letters(recipients=(ANNA,))
    office.hear(LetterFailed(letter_id=FIRST, answer="550 no such user"))
    assert office.owes_nothing()
    assert len(office.all_said(SendLetter)) == 1


@pytest.mark.rule("V4")
def test_results_heard_again_or_too_late_change_nothing() -> None:
    """An edge may repeat itself: applying twice is applying once (EC-68)."""
    office = an_office_with_letters(recipients=(ANNA,))
    office.hear(deferred(FIRST, 0))
    office.wake()
    assert not office.hear(deferred(FIRST, 0)).facts
    assert office.letter(FIRST).tries == 1
    office.hear_all(
        LetterAccepted(letter_id=FIRST, answer="250"), LetterAccepted(letter_id=FIRST, answer="250")
    )
    assert not office.hear(deferred(FIRST, 1)).facts
    assert office.owes_nothing()


@pytest.mark.rule("V4")
def test_a_lost_answer_is_remembered_with_the_letter() -> None:
    """The next sending may be a second copy, and is counted as such."""
    office = an_office_with_letters(recipients=(ANNA,))
    office.hear(deferred(FIRST, 0, is_answer_lost=True))
    assert found(office.wake(), SendLetter)[0].may_have_arrived
    office.hear(deferred(FIRST, 1))
    assert found(office.wake(), SendLetter)[0].may_have_arrived


@pytest.mark.rule("V4")
def test_a_sending_that_is_never_answered_is_asked_for_again() -> None:
    """The edge knows what it has sent; the letter is not forgotten."""
    office = an_office_with_letters(recipients=(ANNA,))
    assert found(office.wake(), LetterRetried)


@pytest.mark.rule("V4", "V7")
def test_every_open_thing_has_a_timer() -> None:
    """A wait without a timer would never end."""
    office = an_office_with_letters()
    assert set(owed(office.state)) <= {timer.timer_id for timer in office.state.timers}
    assert len(list(owed(office.state))) == 2


def test_an_older_version_of_a_department_is_dropped() -> None:
    """The directory's facts may come twice and in any order."""
    office = Office()
    known = office.state.departments[SALES]
    office.hear(offices.department(SALES, VOLGA, version=0, name="old"))
    assert office.state.departments[SALES] == known


@pytest.mark.rule("V4")
def test_how_many_letters_are_open_and_since_when_is_a_metric() -> None:
    """A mail server that takes none for hours is seen before the day of new tries is over."""
    office = an_office_with_letters()
    written = office.all_said(LetterDue)
    share = gauges(office.state)
    assert share["letters_open"] == len(written) > 0
    assert MORNING / 1_000 <= share["letter_oldest_at"] <= office.state.now_at / 1_000
    for due in written:
        office.hear(LetterAccepted(letter_id=due.letter_id, answer="250 queued"))
    assert gauges(office.state) == {"letters_open": 0.0, "letter_oldest_at": 0.0}
    metrics.show([share, gauges(office.state)])
    assert REGISTRY.get_sample_value("ringback_letters_open") == share["letters_open"]
    assert REGISTRY.get_sample_value("ringback_letter_oldest_timestamp_seconds") == share["letter_oldest_at"]
