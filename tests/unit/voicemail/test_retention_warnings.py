"""The recipients of a machine's letters are warned once of voice messages unheard for a week (V6)."""

import pytest
from msgspec import structs

from contracts.directory import Recipient
from contracts.history import UnheardMessage, WarningWanted
from contracts.ids import AgentId, Instant, VoiceMessageId
from contracts.voicemail import (
    LetterAccepted,
    LetterDeferred,
    LetterDue,
    LetterFailed,
    LetterKind,
    SendLetter,
)
from runtime.decision import NOTHING
from services.voicemail import rules
from services.voicemail.decider import owed
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
    found,
)

DAY_MS = 24 * 3600 * 1000
WEEK_MS = 7 * DAY_MS
VERA = AgentId("vera")
FIRST, SECOND = VoiceMessageId("vm.1"), VoiceMessageId("vm.2")


def unheard(voice_message_id: str, *, removed_in_ms: int = WEEK_MS) -> UnheardMessage:
    """Taken three weeks ago."""
    return UnheardMessage(
        voice_message_id=VoiceMessageId(voice_message_id),
        caller=CALLER,
        taken_at=Instant(MORNING - 3 * WEEK_MS),
        duration_ms=12_000,
        removed_at=Instant(MORNING + removed_in_ms),
    )


def of_sales(*messages: UnheardMessage) -> WarningWanted:
    return WarningWanted(department_id=SALES, agent_id=None, messages=messages)


TWO = of_sales(unheard(FIRST), unheard(SECOND))


@pytest.mark.rule("V6")
def test_everybody_who_got_the_letters_gets_one_letter_about_all_of_it() -> None:
    """Two voice messages, two readers, two letters."""
    office = Office()
    decision = office.hear(TWO)
    letters = found(decision, LetterDue)
    assert [(each.letter_id, each.kind, each.recipient) for each in letters] == [
        ("letter.vm.1.unheard.0", LetterKind.UNHEARD, ANNA),
        ("letter.vm.1.unheard.1", LetterKind.UNHEARD, BORIS),
    ]
    assert {each.voice_message_ids for each in letters} == {(FIRST, SECOND)}
    command = found(decision, SendLetter)[1]
    assert (command.recipient, command.language) == (BORIS, BORIS.language)
    assert (command.unheard, command.unheard_count) == (TWO.messages, 2)
    assert (command.department_name, command.timezone) == ("Продажи", "Europe/Samara")
    assert (command.written_at, command.console_url) == (MORNING, "https://console.example")
    assert (command.mp3_key, command.spool_url, command.voice_message_id) == (None, "", None)


@pytest.mark.rule("V6")
def test_a_warning_that_is_said_again_is_no_second_letter() -> None:
    """Two processes of history at once, or one that reads the log again: also days after the letters went."""
    office = Office()
    office.hear(TWO)
    assert office.hear(TWO) == NOTHING
    for number in range(2):
        office.hear(LetterAccepted(letter_id=f"letter.vm.1.unheard.{number}", answer="250 ok"))
    assert office.hear(TWO, Instant(MORNING + WEEK_MS - 1)) == NOTHING
    assert len(office.all_said(SendLetter)) == 2


@pytest.mark.rule("V6")
def test_what_is_new_in_a_warning_is_told_alone() -> None:
    """One that another process found later than the others."""
    office = Office(recipients=(ANNA,))
    office.hear(TWO)
    decision = office.hear(of_sales(unheard("vm.0"), *TWO.messages))
    assert [each.voice_message_ids for each in found(decision, LetterDue)] == [("vm.0",)]
    assert [each.unheard_count for each in found(decision, SendLetter)] == [1]


@pytest.mark.rule("V6")
def test_what_is_gone_already_is_not_warned_of() -> None:
    """Voicemail was away for a week, and a letter about removed audio helps nobody."""
    office = Office(recipients=(ANNA,))
    decision = office.hear(of_sales(unheard("vm.0", removed_in_ms=0), unheard(FIRST, removed_in_ms=1)))
    assert [each.voice_message_ids for each in found(decision, LetterDue)] == [(FIRST,)]
    assert Office().hear(of_sales(unheard("vm.0", removed_in_ms=0))) == NOTHING


@pytest.mark.rule("V6", "V4")
def test_a_warning_that_is_deferred_is_sent_again_as_it_was() -> None:
    """With the same name, date and list: the same Message-ID."""
    office = Office(recipients=(ANNA,))
    first = found(office.hear(TWO), SendLetter)[0]
    office.hear(LetterDeferred(letter_id=first.letter_id, answer="451 later", tries=0), "00:00:10")
    again = found(office.wake(), SendLetter)[0]
    assert again == structs.replace(first, tries=1)


@pytest.mark.rule("V6")
def test_a_warning_is_remembered_until_a_day_after_the_audio_is_gone_and_no_longer() -> None:
    """Nothing grows with history; what a letter listed goes with the last letter."""
    office = Office(recipients=(ANNA,))
    office.hear(of_sales(unheard(FIRST), unheard(SECOND, removed_in_ms=WEEK_MS + 5)))
    office.hear(LetterFailed(letter_id="letter.vm.1.unheard.0", answer="550 no such user"))
    assert [each.messages for each in office.state.warnings] == [()]
    assert set(owed(office.state)) == {timer.timer_id for timer in office.state.timers}
    office.wake()
    assert office.now_at == MORNING + WEEK_MS + 5 + rules.WARNING_KEPT_MS
    assert not len(office.state.warnings)
    assert office.owes_nothing()
    assert office.state.warning_about(FIRST) is None


@pytest.mark.rule("V6")
def test_an_employees_warning_goes_to_whom_the_employees_letters_go_and_names_the_employee() -> None:
    """The employee's list, else the employee, else heads and administrators, as for every letter (V4)."""
    office = Office()
    office.hear(offices.agent(VERA, VOLGA, name="Вера", email="vera@volga.example"))
    fact = WarningWanted(department_id=None, agent_id=VERA, messages=(unheard(FIRST),))
    command = found(office.hear(fact), SendLetter)[0]
    assert command.recipient.email == "vera@volga.example"
    assert (command.employee_name, command.department_name) == ("Вера", "")
    assert command.timezone == "Europe/Moscow"


@pytest.mark.rule("V6")
@pytest.mark.parametrize(
    ("recipients", "heads", "administrators", "told"),
    [
        ((), (HEAD,), (ADMINISTRATOR,), HEAD.email),
        ((), (), (ADMINISTRATOR,), ADMINISTRATOR.email),
        ((), (), (), ""),
    ],
)
def test_nobody_nearer_means_the_next_level(
    recipients: tuple[Recipient, ...],
    heads: tuple[Recipient, ...],
    administrators: tuple[Recipient, ...],
    told: str,
) -> None:
    """And when nobody has an address, the letter is due and failed, so that history shows it."""
    office = Office(recipients=recipients, heads=heads, administrators=administrators)
    decision = office.hear(TWO)
    assert [each.recipient.email for each in found(decision, LetterDue)] == [told]
    assert bool(found(decision, LetterFailed)) == (told == "")


def test_a_letter_lists_so_many_and_counts_the_others() -> None:
    """Nobody reads an endless letter to its end."""
    office = Office(recipients=(ANNA,))
    many = tuple(unheard(f"vm.{number}") for number in range(rules.UNHEARD_LISTED_MAX + 7))
    command = found(office.hear(of_sales(*many)), SendLetter)[0]
    assert (len(command.unheard), command.unheard_count) == (rules.UNHEARD_LISTED_MAX, len(many))
