"""Voice messages and letters in a contact's record, in whatever order the log has them."""

import pytest
from msgspec import structs

from contracts import voicemail as v
from contracts.directory import Recipient
from contracts.gateway import RecordingFinished
from contracts.ids import LegId, MediaKey, RecordingId, VoiceMessageId
from services.history.api import responses
from services.history.rules.table_rows import rows_of
from services.history.state import MessageState
from tests.unit.history.stories import (
    ANNA,
    MOSCOW,
    Office,
    a_call,
    at,
    connected,
    hung_up,
    offer,
    offer_accepted,
    place,
)

MESSAGE = VoiceMessageId("vm.1")
RECORDING = RecordingId("vm.1.recording")
LETTER = v.LetterDue(
    letter_id="letter.1",
    kind=v.LetterKind.VOICE_MESSAGE,
    recipient=Recipient(name="Boris", email="boris@north.example"),
    voice_message_id=MESSAGE,
)
ASKED = v.RecordingAsked(voice_message_id=MESSAGE, leg_id=LegId("in1"), recording_id=RECORDING)
TAKEN = v.MessageTaken(voice_message_id=MESSAGE, recording_id=RECORDING, duration_ms=7_000)
STORED = v.MessageStored(
    voice_message_id=MESSAGE,
    original_key=MediaKey("o"),
    mp3_key=MediaKey("m"),
    mp3_bytes=1,
    mp3_sha256="",
    speech_ms=6_000,
)


@pytest.mark.rule("V3", "H3")
def test_a_voice_message_stays_stored_when_the_log_tells_late_that_it_was_taken() -> None:
    """Commands go out before facts: an owner that died in between says «taken» after «stored»."""
    office = Office().say(a_call(), place(), ASKED, STORED, TAKEN, at_s=5)
    message = office.contact().messages[0]
    assert (message.state, message.mp3_key, message.duration_ms) == (MessageState.STORED, "m", 7_000)


@pytest.mark.rule("V3", "H3")
def test_a_voice_message_that_is_stored_before_anybody_spoke_of_it_is_not_lost() -> None:
    """The edge was faster than the whole batch of facts that name the voice message."""
    office = Office().say(a_call(), place(), STORED, ASKED, TAKEN, at_s=5)
    message = office.contact().messages[0]
    assert (message.state, message.mp3_key, message.recording_id) == (MessageState.STORED, "m", RECORDING)


@pytest.mark.rule("V2", "V6", "R1")
def test_what_was_too_short_is_no_recording_of_a_conversation_and_still_has_its_retention() -> None:
    """Its end may be on the log before its name; nobody can play it, and it is removed in time."""
    finished = RecordingFinished(
        pbx_id=MOSCOW, leg_id=LegId("in1"), recording_id=RECORDING, ok=True, key=MediaKey("short.wav")
    )
    missing = v.MessageMissing(voice_message_id=MESSAGE, reason=v.MissingReason.TOO_SHORT)
    office = Office().say(a_call(), place(), finished, ASKED, missing, hung_up("in1"), at_s=5)
    contact = office.contact()
    assert (contact.recordings, contact.messages[0].original_key) == ([], "short.wav")
    assert office.row().messages == ()
    (row,) = rows_of(contact)["messages"]
    assert (row["state"], row["has_audio"]) == ("missing", True)


@pytest.mark.rule("V4")
def test_a_letters_fate_that_comes_before_the_letter_waits_for_it() -> None:
    """The mail server was faster than the log."""
    office = Office().say(a_call(), place(), ASKED, TAKEN, at_s=5)
    office.say(v.LetterAccepted(letter_id="letter.1", answer="250 ok"), at_s=6)
    assert office.contact().letters == []
    office.say(LETTER, at_s=7)
    assert [(each.state, each.answer) for each in office.contact().letters] == [("accepted", "250 ok")]
    assert not office.batch.early


@pytest.mark.rule("V4")
def test_an_accepted_letter_stays_accepted_whatever_a_repeat_is_answered() -> None:
    """One recipient has the letter, which is what the manager wants to know."""
    office = Office().say(a_call(), place(), ASKED, TAKEN, LETTER, at_s=5)
    office.say(v.LetterAccepted(letter_id="letter.1", answer="250 ok"), at_s=6)
    office.say(v.LetterFailed(letter_id="letter.1", answer="550 no"), at_s=7)
    assert office.contact().letters[0].state == "accepted"


@pytest.mark.rule("H1")
def test_a_fact_that_nobody_claims_for_an_hour_is_forgotten() -> None:
    """What waits must not wait for ever."""
    office = Office().say(v.LetterAccepted(letter_id="letter.1", answer="250 ok"), at_s=0)
    office.say(a_call(), place(), ASKED, TAKEN, LETTER, at_s=3601)
    assert office.contact().letters[0].state == "due"


@pytest.mark.rule("H4")
def test_the_end_of_a_talk_is_known_even_when_it_stands_before_the_answer() -> None:
    """The leg ended before the queue reported the talk: no talk stays open for ever (EC-92)."""
    office = Office().say(a_call(), place(), offer(ANNA, 1), at_s=0)
    office.say(hung_up("p.in1.o1.0"), at_s=8)
    office.say(offer_accepted(ANNA, 1), connected(ANNA, 1, waited_ms=4_000), hung_up("in1"), at_s=9)
    talk = office.contact().talks[0]
    assert (talk.from_at, talk.until_at) == (at(9), at(9))
    assert office.contact().ended_at == at(9)


@pytest.mark.rule("V4", "V5")
def test_a_voice_message_that_nobody_was_told_of_is_shown_as_one() -> None:
    """Managers see that no recipient on any level has an address, and the letter says so."""
    nobody = structs.replace(LETTER, recipient=Recipient(name="", email=""))
    why = "nobody has an e-mail address: neither the recipients, nor the heads, nor the administrators"
    failed = v.LetterFailed(letter_id=nobody.letter_id, answer=why)
    contact = Office().say(a_call(), place(), ASKED, TAKEN, STORED, nobody, failed, at_s=5).contact()
    found = responses.message(contact, contact.messages[0])
    assert found.has_no_reader
    assert [(each.state, each.answer) for each in found.letters] == [("failed", why)]
    contact = Office().say(a_call(), place(), ASKED, TAKEN, STORED, LETTER, at_s=5).contact()
    assert not responses.message(contact, contact.messages[0]).has_no_reader
    contact = Office().say(a_call(), place(), ASKED, TAKEN, STORED, at_s=5).contact()
    assert not responses.message(contact, contact.messages[0]).has_no_reader
