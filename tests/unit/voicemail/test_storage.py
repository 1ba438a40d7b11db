"""A recording is stored before a letter tells of it, and never lost (V3, V7, V8)."""

import pytest

from contracts.callback import CallbackExpired
from contracts.ids import Instant, RecordingId
from contracts.voicemail import (
    LetterAccepted,
    LetterDue,
    LetterKind,
    MessageMissing,
    MessageQuarantined,
    MissingReason,
    SendLetter,
    StoreMessage,
    StoringAsked,
    StoringDeferred,
)
from services.voicemail import rules
from services.voicemail.state import VoicemailState
from tests.unit.voicemail.stories import (
    CALLBACK,
    CALLBACK_VM,
    VM,
    Office,
    an_office_with_a_message,
    at,
    diverted,
    expired,
    finished,
    found,
    leg_ended,
    message_wanted,
    play_finished,
    spooled,
    stored,
)


def deferred(tries: int = 1) -> StoringDeferred:
    return StoringDeferred(voice_message_id=VM, reason="S3 is away", tries=tries)


def too_short() -> MessageMissing:
    return MessageMissing(voice_message_id=VM, reason=MissingReason.TOO_SHORT)


def accept_all(office: Office) -> None:
    for due in office.all_said(LetterDue):
        office.hear(LetterAccepted(letter_id=due.letter_id, answer="250 OK"))


@pytest.mark.rule("V3")
def test_a_recording_is_stored_as_soon_as_the_original_is_in_s3() -> None:
    """The command names the original, its checksum, and where else it is."""
    office = Office()
    office.hear_all(diverted(), play_finished(), spooled())
    assert not office.all_said(StoreMessage)
    decision = office.hear(finished())
    (command,) = found(decision, StoreMessage)
    assert found(decision, StoringAsked)[0].tries == command.tries == 1
    assert (command.key, command.sha256, command.bytes) == ("recordings/original", "ab" * 32, 96_058)
    assert (command.speech_ms_min, command.duration_ms_max) == (2_000, 180_000)


@pytest.mark.rule("V3")
def test_no_letter_speaks_of_a_message_before_it_is_stored() -> None:
    """The reader of the letter finds the audio."""
    office = an_office_with_a_message()
    assert not office.all_said(LetterDue)
    decision = office.hear(stored())
    assert [command.mp3_key for command in found(decision, SendLetter)] == ["voice-messages/x.mp3"] * 2


@pytest.mark.rule("V3")
def test_m14_a_letter_knows_the_checksums_of_its_audio() -> None:
    """Another file in its place is then recognized, in S3 and in the spool."""
    letter = found(an_office_with_a_message().hear(stored()), SendLetter)[0]
    assert (letter.mp3_sha256, letter.spool_sha256) == (stored().mp3_sha256, "ab" * 32)


@pytest.mark.rule("V3")
def test_a_message_that_was_stored_twice_has_its_letters_once() -> None:
    """The edge may say the same result again after a crash."""
    office = an_office_with_a_message()
    office.hear_all(stored(), stored())
    assert len(office.all_said(LetterDue)) == 2


@pytest.mark.rule("V2")
def test_a_recording_without_speech_is_no_voice_message() -> None:
    """Twelve seconds of street noise: history has the missed call, nobody gets a letter."""
    office = an_office_with_a_message()
    office.hear(too_short())
    assert not office.all_said(LetterDue)
    assert office.owes_nothing()


@pytest.mark.rule("V2", "C4")
def test_a_callback_that_expired_with_a_message_without_speech_is_told_without_audio() -> None:
    """Callback has already said «expired with a voice message», so its recipients must be told."""
    office = Office()
    recording = RecordingId(f"{CALLBACK_VM}.recording")
    office.hear_all(message_wanted(), spooled(recording), finished(recording), leg_ended())
    office.hear(expired(has_voice_message=True))
    assert not office.all_said(LetterDue)
    office.hear(
        MessageMissing(voice_message_id=CALLBACK_VM, reason=MissingReason.TOO_SHORT, callback_id=CALLBACK)
    )
    assert [due.kind for due in office.all_said(LetterDue)] == [LetterKind.EXPIRED] * 2
    assert all(command.has_expired_callback for command in office.all_said(SendLetter))


@pytest.mark.rule("V7")
def test_a_storing_that_fails_is_asked_for_again_with_growing_pauses() -> None:
    """A faulty S3 gets time, and the audio stays where it is (EC-62)."""
    office = an_office_with_a_message()
    pauses = []
    for tries in range(1, 9):
        office.hear(deferred(tries))
        since_at = office.now_at
        asked = found(office.wake(), StoringAsked)
        if not asked:  # It was the letters' turn.
            asked = found(office.wake(), StoringAsked)
        assert asked[0].tries == tries + 1
        pauses.append((office.now_at - since_at) // 1000)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]


@pytest.mark.rule("V7")
def test_letters_wait_five_minutes_for_s3_and_then_go_with_the_audio_from_the_spool() -> None:
    """A manager who hears of a call an hour later has lost the customer (EC-62)."""
    office = Office()
    office.hear_all(diverted(), play_finished())
    office.hear(spooled(), "00:01:00")
    office.hear(leg_ended())
    decision = office.wake()
    assert office.now_at == at("00:06:00")
    (check,) = found(decision, StoreMessage)
    assert (check.key, check.spool_url) == (None, "http://127.0.0.1:9/spool/1")
    decision = office.hear(deferred())
    letters = found(decision, SendLetter)
    assert [(letter.mp3_key, letter.spool_url) for letter in letters] == [
        (None, "http://127.0.0.1:9/spool/1")
    ] * 2


@pytest.mark.rule("V7")
def test_letters_do_not_wait_for_a_check_of_the_spool_that_never_ends() -> None:
    """One more minute, then they go."""
    office = Office()
    office.hear_all(diverted(), play_finished())
    office.hear(spooled(), "00:01:00")
    office.hear(leg_ended())
    office.wake()
    assert len(found(office.wake(), SendLetter)) == 2
    assert office.now_at == at("00:07:00")


@pytest.mark.rule("V2", "V7")
def test_spooled_audio_without_speech_writes_no_letters() -> None:
    """Silence does not become a voice message because S3 is down."""
    office = Office()
    office.hear_all(diverted(), play_finished())
    office.hear(spooled(), "00:01:00")
    office.hear(leg_ended())
    office.wake()
    office.hear(too_short())
    assert not office.all_said(LetterDue)
    assert office.owes_nothing()


@pytest.mark.rule("V7")
def test_when_s3_is_back_storing_goes_on_and_nobody_gets_a_second_letter() -> None:
    """The letters went without S3; when the audio reaches it later, nothing else happens."""
    office = Office()
    office.hear_all(diverted(), play_finished())
    office.hear(spooled(), "00:01:00")
    office.hear(leg_ended())
    office.wake()
    office.hear(deferred())
    accept_all(office)
    assert found(office.hear(finished(), "00:30:00"), StoreMessage)[0].key == "recordings/original"
    office.hear(stored())
    assert len(office.all_said(LetterDue)) == 2
    assert office.owes_nothing()


@pytest.mark.rule("V7")
def test_an_asked_storing_that_is_never_answered_is_asked_for_again() -> None:
    """A message is not lost with a command that an edge lost."""
    office = an_office_with_a_message()
    office.wake()
    assert found(office.wake(), StoreMessage)[0].tries == 2


@pytest.mark.rule("V7")
def test_after_a_week_without_s3_the_recording_is_set_aside_with_the_reason() -> None:
    """Every retry has an end, and the end is said."""
    office = an_office_with_a_message()
    office.wake()
    office.hear(deferred(), Instant(at("00:00:00") + rules.STORING_RETRIED_MS_MAX))
    (quarantined,) = office.all_said(MessageQuarantined)
    assert quarantined.reason == "not stored within a week: S3 is away"


@pytest.mark.rule("V8")
def test_recipients_are_told_of_a_recording_that_can_not_be_played() -> None:
    """The recipients learn that a customer called although the machine failed."""
    office = an_office_with_a_message()
    decision = office.hear(
        MessageQuarantined(voice_message_id=VM, original_key=None, reason="the recording is no audio")
    )
    assert [letter.mark for letter in found(decision, SendLetter)] == ["not_playable"] * 2
    assert all(letter.mp3_key is None and not letter.spool_url for letter in found(decision, SendLetter))


@pytest.mark.rule("V8")
def test_a_recorder_that_died_leaves_a_message_that_is_marked_as_cut_off() -> None:
    """The listener knows that the end is missing (EC-63)."""
    early, late = Office(), Office()
    early.hear_all(diverted(), play_finished(), spooled(is_cut_off=True), finished(), leg_ended())
    late.hear_all(diverted(), play_finished(), spooled(), finished(cause="cut_off"), leg_ended())
    for office in (early, late):
        assert {letter.mark for letter in found(office.hear(stored()), SendLetter)} == {"cut_off"}


@pytest.mark.rule("V8")
def test_a_recording_lost_between_spool_and_s3_is_looked_for_once_more_in_the_spool() -> None:
    """The gateway gave up, but the spool may still have the audio."""
    office = Office()
    office.hear_all(diverted(), play_finished(), spooled())
    decision = office.hear(finished(ok=False, cause="upload refused"))
    assert found(decision, StoreMessage)[0].key is None


@pytest.mark.rule("V7")
def test_a_message_survives_a_restart_byte_for_byte() -> None:
    """A loaded state equals the stored one: phases, letters and timers."""
    office = an_office_with_a_message()
    office.hear(stored())
    loaded = VoicemailState()
    taken: dict[str, bytes] = {}
    for name, table in office.state.tables.items():
        for key, data in table.take_changes().items():
            assert data is not None or key not in table
            if data is not None:
                taken[f"{name}/{key}"] = data
    loaded.load(taken)
    assert list(loaded.messages) == list(office.state.messages)
    assert list(loaded.letters) == list(office.state.letters)
    assert list(loaded.timers) == list(office.state.timers)
    assert loaded.message_on(office.message().leg_id) == office.message()


def test_what_is_done_is_forgotten() -> None:
    """The state holds only what is open; projections show the rest."""
    office = an_office_with_a_message()
    office.hear(stored())
    accept_all(office)
    assert office.owes_nothing()
    fact: CallbackExpired = expired(has_voice_message=True)
    office.hear(fact)
    assert office.owes_nothing()
