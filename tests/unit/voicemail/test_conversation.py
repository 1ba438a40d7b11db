"""The conversation with the machine: greeting, tone, recording, thanks (V1, V2)."""

import pytest

from contracts.directory import ActionKind, Language, NoticeChoice, NoticeKind
from contracts.gateway import CommandRefused
from contracts.ids import MediaKey, NoticeId, RecordingId
from contracts.message import Fact
from contracts.queue import PlaceDiverted
from contracts.telephony import HangUp, Play, Record
from contracts.tts import NoticeRendered
from contracts.voicemail import (
    CallerThanked,
    GreetingPlayed,
    LetterDue,
    MessageMissing,
    MessageTaken,
    MissingReason,
    RecordingAsked,
)
from tests.unit.voicemail.stories import (
    CALLBACK,
    CALLBACK_VM,
    LEG,
    THANKS,
    VM,
    VOLGA,
    Office,
    diverted,
    finished,
    found,
    leg_ended,
    message_wanted,
    play_finished,
    spooled,
)


def refused(command: str, reason: str) -> CommandRefused:
    return CommandRefused(pbx_id=VOLGA, command=command, reason=reason, leg_id=LEG)


@pytest.mark.rule("V1")
def test_a_caller_whom_nobody_answered_is_greeted() -> None:
    """The caller learns that a machine listens, before any tone."""
    decision = Office().hear(diverted())
    (greeting,) = found(decision, GreetingPlayed)
    (play,) = found(decision, Play)
    assert (greeting.voice_message_id, greeting.play_id) == (VM, play.play_id)
    assert play.media == (MediaKey("standard/ru/voicemail_greeting.wav"),)


@pytest.mark.rule("V1")
def test_after_the_greeting_the_tone_sounds_and_the_recording_has_its_limits() -> None:
    """180 s, 5 s of silence, or the key # end a message; the caller decides which."""
    office = Office()
    office.hear(diverted())
    decision = office.hear(play_finished())
    (record,) = found(decision, Record)
    assert found(decision, RecordingAsked)[0].recording_id == record.recording_id
    assert (record.duration_ms_max, record.silence_ms_max, record.terminators) == (180_000, 5_000, "#")
    assert record.tone


@pytest.mark.rule("V1", "T5")
@pytest.mark.parametrize("answer", [play_finished(ok=False), refused("telephony.play", "too_late")])
def test_a_greeting_that_can_not_be_played_leads_to_the_tone_all_the_same(answer: Fact) -> None:
    """The caller can leave a message without a greeting, too."""
    office = Office()
    office.hear(diverted())
    assert found(office.hear(answer), Record)


@pytest.mark.rule("V1")
def test_a_department_without_a_greeting_sounds_the_tone_at_once() -> None:
    """«Без сообщения» is a choice like any other."""
    decision = Office(greeting=NoticeChoice(kind=NoticeKind.NONE)).hear(diverted())
    assert found(decision, Record)
    assert not found(decision, GreetingPlayed)


@pytest.mark.rule("V1", "T5")
def test_the_departments_own_greeting_plays_once_it_can() -> None:
    """Until it is rendered the caller hears the standard one, and never nothing."""
    office = Office(greeting=NoticeChoice(kind=NoticeKind.SPOKEN, notice_id=NoticeId("hello")))
    assert found(office.hear(diverted()), Play)[0].media == ("standard/ru/voicemail_greeting.wav",)
    office = Office(greeting=NoticeChoice(kind=NoticeKind.SPOKEN, notice_id=NoticeId("hello")))
    office.hear(
        NoticeRendered(
            notice_id=NoticeId("hello"),
            version=1,
            language=Language.RUSSIAN,
            parts=("notices/a.wav", "{position}", "notices/b.wav"),
            duration_ms=3_000,
        )
    )
    assert found(office.hear(diverted()), Play)[0].media == ("notices/a.wav", "notices/b.wav")


@pytest.mark.rule("V1", "C4")
def test_after_an_apology_the_tone_comes_without_a_greeting() -> None:
    """The customer has just been asked to press 1, and needs no other announcement (EC-52)."""
    decision = Office().hear(message_wanted())
    (asked,) = found(decision, RecordingAsked)
    assert asked.voice_message_id == CALLBACK_VM
    assert not found(decision, Play)


@pytest.mark.rule("V1", "C4")
def test_a_message_after_an_apology_belongs_to_its_callback() -> None:
    """Callback waits for this fact, and ends the callback as expired with a voice message (EC-52)."""
    office = Office()
    office.hear(message_wanted())
    decision = office.hear(spooled(RecordingId(f"{CALLBACK_VM}.recording")))
    assert found(decision, MessageTaken)[0].callback_id == CALLBACK


@pytest.mark.rule("V1")
def test_a_caller_who_reaches_the_maximum_is_thanked_and_then_hung_up() -> None:
    """The thanks say that the message has arrived; it is kept from the moment it is closed."""
    office = Office()
    office.hear_all(diverted(), play_finished())
    decision = office.hear(spooled(duration_ms=180_000))
    assert found(decision, MessageTaken)[0].duration_ms == 180_000
    (thanks,) = found(decision, Play)
    assert thanks.media == ("standard/ru/voicemail_thanks.wav",)
    assert thanks.interrupts
    decision = office.hear(play_finished(THANKS))
    assert found(decision, CallerThanked)
    assert found(decision, HangUp)[0].leg_id == LEG


@pytest.mark.rule("V1")
def test_who_hung_up_is_not_thanked() -> None:
    """Nobody is there to hear the thanks."""
    office = Office()
    office.hear_all(diverted(), play_finished(), leg_ended())
    decision = office.hear(spooled())
    assert found(decision, MessageTaken)
    assert not found(decision, Play)


@pytest.mark.rule("V1")
def test_the_same_recording_told_twice_is_one_message() -> None:
    """`recording_spooled` and `recording_finished` are about one recording, and so is a repetition."""
    office = Office()
    office.hear_all(diverted(), play_finished(), spooled(), spooled(), finished(), finished())
    assert len(office.all_said(MessageTaken)) == 1


@pytest.mark.rule("V2")
def test_who_hangs_up_during_the_greeting_is_an_ordinary_missed_call() -> None:
    """No recording, no letter: the missed call is in history (EC-59)."""
    office = Office()
    office.hear(diverted())
    decision = office.hear(leg_ended())
    assert found(decision, MessageMissing)[0].reason is MissingReason.HUNG_UP_IN_GREETING
    assert not office.all_said(LetterDue)
    assert office.owes_nothing()


@pytest.mark.rule("V2")
def test_less_than_two_seconds_are_no_voice_message() -> None:
    """Nobody wants a letter about a click; the caller who is still there is hung up."""
    office = Office()
    office.hear_all(diverted(), play_finished())
    decision = office.hear(spooled(duration_ms=1_900))
    assert found(decision, MessageMissing)[0].reason is MissingReason.TOO_SHORT
    assert found(decision, HangUp)
    office.hear_all(finished(duration_ms=1_900), leg_ended())
    assert not office.all_said(LetterDue)
    assert office.owes_nothing()


@pytest.mark.rule("V2")
@pytest.mark.parametrize("answer", [finished(ok=False, cause="gone"), refused("telephony.record", "gone")])
def test_who_hung_up_while_the_tone_was_asked_for_is_an_ordinary_missed_call(answer: Fact) -> None:
    """A hang-up races every command, and «gone» is a normal answer."""
    office = Office()
    office.hear_all(diverted(), play_finished())
    assert found(office.hear(answer), MessageMissing)[0].reason is MissingReason.HUNG_UP_IN_GREETING
    assert not office.all_said(LetterDue)


@pytest.mark.rule("V8")
def test_n3_a_recording_that_was_asked_for_too_late_is_asked_for_again() -> None:
    """The waiting caller gets the tone, and no letter says that nothing was recorded."""
    office = Office()
    office.hear_all(diverted(), play_finished())
    decision = office.hear(refused("telephony.record", "too_late"))
    assert found(decision, Record)
    assert not found(decision, MessageMissing)


@pytest.mark.rule("V8")
def test_recipients_learn_of_a_caller_whom_the_machine_could_not_record() -> None:
    """The fault is ours; a plain missed call would hide that somebody wanted to leave a message."""
    office = Office()
    office.hear_all(diverted(), play_finished())
    decision = office.hear(finished(ok=False, cause="no space left"))
    assert found(decision, MessageMissing)[0].reason is MissingReason.RECORDING_FAILED
    assert found(decision, HangUp)
    assert [due.recipient.name for due in found(decision, LetterDue)] == ["Анна", "Boris"]


@pytest.mark.rule("V1")
def test_a_conversation_whose_answers_never_come_ends_all_the_same() -> None:
    """A gateway that is lost for good leaves no conversation open, and no callback waiting for it."""
    office = Office()
    office.hear(diverted())
    assert found(office.wake(), Record)
    assert found(office.wake(), MessageMissing)[0].reason is MissingReason.RECORDING_FAILED
    office.wake()
    assert office.message().phase == "over"


@pytest.mark.rule("V1")
def test_thanks_whose_end_never_comes_end_with_good_bye() -> None:
    """Nobody stays on the line with a machine that has nothing more to say."""
    office = Office()
    office.hear_all(diverted(), play_finished(), spooled())
    assert found(office.wake(), HangUp)


def test_other_no_answer_actions_are_none_of_ours() -> None:
    """A caller who is passed on hears no machine."""
    other: PlaceDiverted = diverted(action=ActionKind.HANG_UP)
    assert not Office().hear(other).facts
    assert not Office().hear(diverted(leg_id=None)).facts


def test_other_services_recordings_and_legs_are_none_of_ours() -> None:
    """Facts about calls that voicemail never took over change nothing."""
    office = Office()
    assert not office.hear_all(spooled(), finished(), leg_ended(), play_finished()).facts
    assert office.owes_nothing()
