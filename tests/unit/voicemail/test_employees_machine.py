"""An employee's own machine: routing hands a direct call over, and the letters name the employee (V4, D2)."""

import pytest

from contracts.directory import (
    AgentAvailabilitySaved,
    AgentSaved,
    DepartmentSaved,
    DirectRulesSaved,
    Language,
    Membership,
    Recipient,
)
from contracts.gateway import CommandRefused, LegAnswered
from contracts.ids import AgentId, DepartmentId, Instant, PlayId, RecordingId, VoiceMessageId
from contracts.message import Interval
from contracts.prompts import Prompt, prompt_key
from contracts.routing import VoicemailReached
from contracts.telephony import AnswerLeg, Play, Record
from contracts.voicemail import GreetingPlayed, LetterDue, MessageMissing, SendLetter
from tests import offices
from tests.unit.voicemail.stories import (
    ADMINISTRATOR,
    ANNA,
    CALLER,
    HEAD,
    LEG,
    MORNING,
    SALES,
    VOLGA,
    Office,
    finished,
    found,
    leg_ended,
    play_finished,
    spooled,
    stored,
)

VERA = AgentId("vera")
VERA_READS = Recipient(name="Вера", email="vera@volga.example", language=Language.ENGLISH)
SECRETARY = Recipient(name="Секретарь", email="office@volga.example")
MACHINE = VoiceMessageId("vm.leg1")
GREETING, RECORDING = PlayId("vm.leg1.greeting"), RecordingId("vm.leg1.recording")


def vera(*, email: str = VERA_READS.email, version: int = 1, is_removed: bool = False) -> AgentSaved:
    """Vera's card."""
    return offices.agent(
        VERA,
        VOLGA,
        "205",
        version=version,
        name="Вера",
        devices=(),
        email=email,
        language=Language.ENGLISH,
        is_removed=is_removed,
    )


def with_vera_in(*heads: Recipient, is_removed: bool = False) -> DepartmentSaved:
    """A department in which Vera has a seat."""
    return offices.department(
        "support",
        VOLGA,
        name="Поддержка",
        extension="701",
        agents=(Membership(agent_id=VERA, is_suspended=True),),
        recipients=(ANNA,),
        heads=heads,
        is_removed=is_removed,
    )


def reached(*, is_answered: bool = True, department_id: DepartmentId | None = None) -> VoicemailReached:
    """Vera did not take a direct call, so the machine takes it."""
    return VoicemailReached(
        leg_id=LEG,
        pbx_id=VOLGA,
        caller=CALLER,
        line="+78432000005",
        arrived_at=Instant(MORNING - 120_000),
        agent_id=None if department_id else VERA,
        department_id=department_id,
        is_answered=is_answered,
    )


def letters_after(office: Office) -> list[Recipient]:
    """The recipients of the letters once the message is in S3."""
    office.hear_all(
        reached(),
        play_finished(GREETING),
        spooled(RECORDING),
        finished(RECORDING),
        leg_ended(),
        stored(MACHINE),
    )
    return [letter.recipient for letter in office.all_said(LetterDue)]


@pytest.mark.rule("V1", "D2")
def test_an_employees_machine_greets_with_the_standard_greeting_and_records() -> None:
    """The log says whose machine it is, and the wait is the caller's whole wait."""
    office = Office()
    office.hear(vera())
    decision = office.hear(reached())
    greeted = found(decision, GreetingPlayed)[0]
    assert (greeted.agent_id, greeted.department_id, greeted.voice_message_id) == (VERA, None, MACHINE)
    assert found(decision, Play)[0].media == (prompt_key(Language.RUSSIAN, Prompt.VOICEMAIL_GREETING),)
    decision = office.hear(play_finished(GREETING))
    assert found(decision, Record)[0].recording_id == RECORDING
    assert office.message(MACHINE).waited_ms == 120_000


@pytest.mark.rule("V1", "D4")
def test_a_call_that_still_rings_is_answered_first() -> None:
    """An absent employee is not rung, so the machine is the first to pick up."""
    office = Office()
    decision = office.hear(reached(is_answered=False))
    assert found(decision, AnswerLeg)[0].leg_id == LEG
    assert not found(decision, Play)
    decision = office.hear(LegAnswered(pbx_id=VOLGA, leg_id=LEG))
    assert found(decision, Play)
    assert not found(office.hear(LegAnswered(pbx_id=VOLGA, leg_id=LEG)), Play)


@pytest.mark.rule("V1")
def test_an_answer_that_came_too_late_is_tried_again_and_a_caller_who_left_is_a_missed_call() -> None:
    """The process was away for a minute; a caller who is still there hears the greeting."""
    office = Office()
    office.hear(reached(is_answered=False))
    late = CommandRefused(pbx_id=VOLGA, command="telephony.answer_leg", reason="too_late", leg_id=LEG)
    assert found(office.hear(late), AnswerLeg)
    assert found(office.hear(leg_ended()), MessageMissing)
    assert office.owes_nothing()


@pytest.mark.rule("V1")
def test_a_call_whose_answer_is_never_told_is_not_waited_for_for_ever() -> None:
    """Every wait ends by itself."""
    office = Office()
    office.hear(reached(is_answered=False))
    while not office.owes_nothing():
        office.wake()
    assert office.all_said(MessageMissing)


@pytest.mark.rule("V4")
def test_the_employees_own_list_comes_first() -> None:
    """Vera has chosen the readers of her messages."""
    office = Office()
    office.hear_all(
        vera(),
        DirectRulesSaved(agent_id=VERA, version=2, recipients=(SECRETARY,)),
        DirectRulesSaved(agent_id=VERA, version=1, recipients=(ANNA,)),
    )
    assert letters_after(office) == [SECRETARY]


@pytest.mark.rule("V4")
def test_without_a_list_the_employee_reads_in_the_own_language() -> None:
    """The letter is about Vera's call, in Vera's English, by the organization's clock."""
    office = Office()
    office.hear(vera())
    assert letters_after(office) == [VERA_READS]
    letter = office.all_said(SendLetter)[0]
    assert (letter.employee_name, letter.department_name, letter.language) == ("Вера", "", Language.ENGLISH)
    assert letter.timezone == "Europe/Moscow"


@pytest.mark.rule("V4")
@pytest.mark.parametrize("why", ["no address", "removed", "absent"])
def test_without_the_employee_the_heads_of_the_employees_departments_read(why: str) -> None:
    """EC-70: the next level of V4; heads of departments without Vera get no letter."""
    office = Office()
    match why:
        case "no address":
            office.hear(vera(email=""))
        case "removed":
            office.hear(vera(is_removed=True))
        case _:
            always = Interval(from_at=Instant(0))
            office.hear_all(
                vera(), AgentAvailabilitySaved(agent_id=VERA, version=1, hours=None, absences=(always,))
            )
    boss = Recipient(name="Начальник", email="boss@volga.example")
    office.hear(with_vera_in(boss))
    assert letters_after(office) == [boss]


@pytest.mark.rule("V4")
@pytest.mark.parametrize("is_removed", [True, False])
def test_and_else_the_administrators(is_removed: bool) -> None:
    """Somebody always gets the letter; a removed department has no heads any more."""
    office = Office()
    office.hear_all(vera(email=""), with_vera_in(*((HEAD,) if is_removed else ()), is_removed=is_removed))
    assert letters_after(office) == [ADMINISTRATOR]


@pytest.mark.rule("V4")
def test_an_employee_whom_nobody_knows_is_the_administrators_matter() -> None:
    """A message is not lost because a card has not come yet."""
    assert letters_after(Office()) == [ADMINISTRATOR]


@pytest.mark.rule("V4", "S1")
def test_a_departments_machine_that_a_scenario_leads_to_is_the_departments() -> None:
    """A department's machine has the department's greeting, limits and recipients."""
    office = Office(recipients=(ANNA,))
    office.hear_all(
        reached(department_id=SALES),
        play_finished(GREETING),
        spooled(RECORDING),
        finished(RECORDING),
        leg_ended(),
        stored(MACHINE),
    )
    letter = office.all_said(SendLetter)[0]
    assert (letter.recipient, letter.department_name, letter.employee_name) == (ANNA, "Продажи", "")
