"""A leg may belong to two contacts; what happens on it belongs to one.

A customer who has a callback calls again: that call is a contact of its own, and what the callback then does
on its leg belongs to the callback's contact, too.
"""

import pytest
from msgspec import structs

from contracts import callback as c
from contracts import voicemail as v
from contracts.directory import Recipient
from contracts.gateway import RecordingFinished
from contracts.ids import CallbackId, LegId, MediaKey, PlaceId, PlayId, RecordingId, VoiceMessageId
from contracts.message import Fact
from services.history.rules.table_rows import rows_of
from services.history.state import MessageState
from tests.unit.history.stories import (
    ANNA,
    CUSTOMER,
    MOSCOW,
    SALES,
    SERVICE,
    Office,
    a_call,
    at,
    hung_up,
    ordered,
    place,
    rung,
    taken,
)

CALLBACK, PLACE = CallbackId("cb.p.in1"), PlaceId("p.in1")
MESSAGE, RECORDING = VoiceMessageId("vm.cb.p.in1"), RecordingId("vm.cb.p.in1.recording")
AGAIN = LegId("again")
JOINED = c.CustomerJoined(callback_id=CALLBACK, place_id=PLACE, new_place_id=PlaceId("p.again"), leg_id=AGAIN)
ASKED = v.RecordingAsked(voice_message_id=MESSAGE, leg_id=AGAIN, recording_id=RECORDING)
CLOSED = RecordingFinished(
    pbx_id=MOSCOW, leg_id=AGAIN, recording_id=RECORDING, ok=True, key=MediaKey("o"), duration_ms=7_000
)
TAKEN = v.MessageTaken(
    voice_message_id=MESSAGE, recording_id=RECORDING, duration_ms=7_000, callback_id=CALLBACK
)
STORED = v.MessageStored(
    voice_message_id=MESSAGE,
    original_key=MediaKey("o"),
    mp3_key=MediaKey("m"),
    mp3_bytes=1,
    mp3_sha256="",
    speech_ms=6_000,
)
DUE = v.LetterDue(
    letter_id="letter.1",
    kind=v.LetterKind.VOICE_MESSAGE,
    recipient=Recipient(name="Boris", email="boris@north.example"),
    voice_message_id=MESSAGE,
    callback_id=CALLBACK,
)


def an_apology_on_the_next_call() -> Office:
    """A callback's customer calls again, and hears its apology there, and presses 1."""
    office = Office().say(a_call(), place(), ordered(), hung_up("in1"))
    confirmed = c.CallbackConfirmed(
        callback_id=CALLBACK, place_id=PLACE, new_place_id=PlaceId("p.again"), leg_id=AGAIN
    )
    office.say(a_call("again"), place("again"), confirmed, at_s=100)
    office.say(c.ApologyMade(callback_id=CALLBACK, leg_id=AGAIN, play_id=PlayId("again.1"), ask=1), at_s=600)
    wanted = c.MessageWanted(
        callback_id=CALLBACK,
        place_id=PLACE,
        department_id=SALES,
        pbx_id=MOSCOW,
        leg_id=AGAIN,
        number=CUSTOMER,
        joined_at=at(0),
    )
    return office.say(wanted, at_s=610)


@pytest.mark.rule("H3", "V3")
@pytest.mark.parametrize(
    "log",
    [
        pytest.param((ASKED, CLOSED, TAKEN, STORED, DUE), id="in order"),
        pytest.param((CLOSED, ASKED, TAKEN, STORED, DUE), id="closed before voicemail spoke of it"),
        pytest.param((ASKED, STORED, CLOSED, TAKEN, DUE), id="stored before it was taken"),
        pytest.param((TAKEN, STORED, ASKED, CLOSED, DUE), id="asked for last"),
    ],
)
def test_a_message_after_an_apology_on_the_next_call_is_the_callbacks_alone(log: tuple[Fact, ...]) -> None:
    office = an_apology_on_the_next_call().say(*log, at_s=630)
    (message,) = office.contact("in1").messages
    assert (message.state, message.mp3_key, message.department_id) == (MessageState.STORED, "m", SALES)
    assert [each.letter_id for each in office.contact("in1").letters] == ["letter.1"]
    other = office.contact("again")
    assert (other.messages, other.recordings, other.letters) == ([], [], [])
    assert not office.contact("in1").recordings
    stored = [
        row["voice_message_id"]
        for leg in ("in1", "again")
        for row in rows_of(office.contact(leg))["messages"]
    ]
    assert stored == [MESSAGE]


@pytest.mark.rule("C7", "R1")
def test_a_conversation_recorded_on_a_leg_that_joined_a_callback_is_kept_once() -> None:
    """The customer calls in while an agent waits for the callback: the leg is of both contacts."""
    office = Office().say(a_call(), place(), ordered(), hung_up("in1"))
    office.say(a_call("again"), place("again"), at_s=100)
    office.say(JOINED, at_s=101)
    recording = RecordingFinished(
        pbx_id=MOSCOW,
        leg_id=AGAIN,
        recording_id=RecordingId("again.rec"),
        ok=True,
        key=MediaKey("talk"),
        duration_ms=9_000,
    )
    office.say(recording, at_s=200)
    kept = {leg: [each.recording_id for each in office.contact(leg).recordings] for leg in ("in1", "again")}
    assert kept == {"in1": ["again.rec"], "again": []}


@pytest.mark.rule("H3", "V3")
def test_a_message_for_a_machine_that_took_the_next_call_stays_with_that_call() -> None:
    """The callback has had its customer on this leg before; nobody asked for a message for it."""
    office = Office().say(a_call(), place(), ordered(), hung_up("in1"))
    office.say(a_call("again"), place("again"), at_s=100)
    office.say(JOINED, at_s=101)
    machines = VoiceMessageId("vm.again")
    office.say(
        v.RecordingAsked(voice_message_id=machines, leg_id=AGAIN, recording_id=RecordingId("vm.again.r")),
        v.MessageTaken(voice_message_id=machines, recording_id=RecordingId("vm.again.r"), duration_ms=5_000),
        at_s=300,
    )
    assert not office.contact("in1").messages
    assert [each.voice_message_id for each in office.contact("again").messages] == [machines]


@pytest.mark.rule("C7", "H3")
def test_what_a_caller_does_after_joining_a_callback_is_not_told_twice() -> None:
    """The agent is lost, the caller goes on: another place, another order, an employee's phone that rings."""
    office = Office().say(a_call(), place(), ordered(), hung_up("in1"))
    office.say(a_call("again"), place("again"), at_s=100)
    office.say(JOINED, at_s=101)
    office.say(taken("again"), rung(ANNA, "try.1", "again"), at_s=110)
    onward = structs.replace(place("again", SERVICE), place_id=PlaceId("p.onward"))
    office.say(onward, structs.replace(ordered("again"), place_id=PlaceId("p.onward")), at_s=120)
    office.say(hung_up("again"), at_s=130)
    first, second = office.contact("in1"), office.contact("again")
    assert [each.place_id for each in second.places] == ["p.again", "p.onward"]
    assert [each.callback_id for each in second.callbacks] == ["cb.p.again"]
    assert len(second.tries) == 1
    assert ([each.place_id for each in first.places], len(first.callbacks), first.tries) == ([PLACE], 1, [])
    ends = [leg.ended_at for contact in (first, second) if (leg := contact.leg(AGAIN)) is not None]
    assert ends == [at(130), at(130)], "the end of the leg is an end for both"
