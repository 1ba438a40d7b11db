"""A morning at a company, over real processes, judged from the log, the phones' counts and the letters."""

import hashlib
import subprocess
from email.utils import parsedate_to_datetime

import pytest

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import voicemail as v
from contracts.directory import ActionKind, Language
from ringback.phones import speak
from tests.e2e import expect
from tests.e2e.company import SAID
from tests.e2e.letters import Letter
from tests.e2e.stories import Morning

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("e2e"),
]

LENGTH_MS_MAX = 400
"""How far a letter's sound may differ from the speech. Silence at both ends is cut to 200 ms each (V3),
espeak-ng ends with up to 300 ms of it, and an MP3 at 16 kHz has frames of 36 ms with two before the first."""
A_LAW_PER_MS = 8


@pytest.fixture(autouse=True)
def evidence(plain: Morning) -> None:
    """Shown by pytest when a test fails."""
    print(plain.cluster.evidence)


@pytest.mark.rule("C1", "C2", "C3", "C13", "G1")
def test_a_customer_hangs_up_and_is_called_back_once_an_agent_has_answered(plain: Morning) -> None:
    """The promise of the whole product: the place is kept, first the agent, then the customer."""
    company = plain.company
    end = expect.agent_first(company, "alisa")
    assert (end.agent_id, end.attempts) == ("anna", 1)
    expect.in_order(
        {
            "ordered": company.offset(c.CallbackOrdered, callback_id=end.callback_id),
            "the customer hung up": company.offset(g.LegEnded, leg_id=company.place("alisa").leg_id),
            "the agent is offered the place": company.offset(q.OfferMade, place_id=end.place_id),
        }
    )
    assert company.one(g.LegEnded, leg_id=end.leg_id).talk_ms > 0
    assert plain.outcomes["alisa"].rang == 1
    assert not plain.outcomes["alisa"].letters


@pytest.mark.rule("Q3")
def test_who_joined_first_is_served_first_on_the_line_or_not(plain: Morning) -> None:
    """A customer who hung up loses nothing compared with one on the line."""
    company = plain.company
    alisa, bella = company.place("alisa"), company.place("bella")
    assert alisa.joined_at < bella.joined_at
    offers = company.all(q.OfferMade, department_id="sales")
    assert [offer.place_id for offer in offers] == [alisa.place_id, bella.place_id]


@pytest.mark.rule("Q1")
def test_a_customer_who_stays_on_the_line_is_connected(plain: Morning) -> None:
    """The plain queued call is offered, answered and bridged; the customer is not dialled."""
    company = plain.company
    place = company.place("bella")
    end = company.one(q.PlaceConnected, place_id=place.place_id)
    assert (end.agent_id, end.leg_id, end.callback_id) == ("boris", place.leg_id, None)
    bridged = company.offset_of_bridge(end.agent_leg_id, end.leg_id)
    assert company.offset(g.LegAnswered, leg_id=end.agent_leg_id) < bridged
    assert bridged < company.offset(q.PlaceConnected, place_id=place.place_id)
    assert plain.outcomes["bella"].rang == 0


@pytest.mark.rule("Q7")
def test_a_customer_who_hangs_up_in_the_queue_leaves_it(plain: Morning) -> None:
    """History says abandoned with the time waited, and no agent's phone rings for this place."""
    company = plain.company
    place = company.place("cyril")
    end = company.one(q.PlaceAbandoned, place_id=place.place_id)
    hung_up_at = company.at(g.LegEnded, leg_id=place.leg_id)
    assert end.waited_ms == pytest.approx(hung_up_at - place.joined_at, abs=1)
    assert not company.has(q.OfferMade, place_id=place.place_id)


@pytest.mark.rule("Q5", "V1", "V4")
def test_a_caller_whom_nobody_answers_reaches_the_answering_machine(plain: Morning) -> None:
    """The no-answer action at the deadline, on the caller's own line."""
    company = plain.company
    place = company.place("elena")
    diverted = company.one(q.PlaceDiverted, place_id=place.place_id)
    assert (diverted.action, diverted.reason) == (ActionKind.VOICEMAIL, q.DivertReason.DEADLINE)
    assert company.at(q.PlaceDiverted, place_id=place.place_id) >= place.deadline_at
    greeting = company.one(v.GreetingPlayed, place_id=place.place_id)
    assert greeting.leg_id == place.leg_id
    company.one(v.MessageTaken, voice_message_id=greeting.voice_message_id)
    assert plain.outcomes["elena"].rang == 0
    _check_letters(plain, "elena", greeting.voice_message_id, has_expired=False)


@pytest.mark.rule("C4", "C2", "V3", "V4")
def test_a_callback_that_nobody_could_make_ends_with_an_apology_and_a_letter(plain: Morning) -> None:
    """The customer is called once, at the deadline; the message after «1» reaches every recipient as MP3."""
    company = plain.company
    place, order = company.place("denis"), company.one(c.CallbackOrdered, number=company.phone("denis"))
    end = company.one(c.CallbackExpired, callback_id=order.callback_id)
    apology = company.one(c.ApologyDialled, callback_id=order.callback_id)
    made = company.one(c.ApologyMade, callback_id=order.callback_id)
    assert apology.leg_id == made.leg_id
    assert company.at(c.ApologyDialled, leg_id=apology.leg_id) >= place.deadline_at == order.deadline_at
    assert not company.has(c.CustomerDialled, callback_id=order.callback_id)
    assert (end.has_voice_message, end.was_told, end.attempts) == (True, True, 0)
    assert plain.outcomes["denis"].rang == 1
    taken = company.one(v.MessageTaken, callback_id=order.callback_id)
    _check_letters(plain, "denis", taken.voice_message_id, has_expired=True)


@pytest.mark.rule("O1", "Q2", "C13")
def test_everything_ends_exactly_once(plain: Morning) -> None:
    """Every place, callback, leg and letter; no agent holds two offers, and no organization is parked."""
    assert not plain.company.wrongs()
    for customer, outcome in plain.outcomes.items():
        assert (outcome.places, len(outcome.place_ends)) == (1, 1), customer
        assert len(outcome.callback_ends) == outcome.callbacks, customer
    ended = [fact.leg_id for fact in plain.company.all(g.LegEnded)]
    assert len(ended) == len(set(ended))


@pytest.mark.rule("T1")
def test_whatever_was_to_be_played_was_heard(plain: Morning) -> None:
    """A play fails only if the person hangs up during it."""
    company = plain.company
    failed = {each.offset: each.fact for each in company.where(g.PlayFinished, ok=False)}
    for offset, play in failed.items():
        assert isinstance(play, g.PlayFinished)
        later = [each.fact for each in company.where(g.PbxFact) if each.offset > offset]
        on_leg = [fact for fact in later if getattr(fact, "leg_id", None) == play.leg_id]
        assert all(isinstance(fact, AFTER_THE_END) for fact in on_leg), f"{play} was not heard"


AFTER_THE_END = (
    g.PlayFinished,
    g.LegEnded,
    g.CommandDone,
    g.CommandRefused,
    g.RecordingSpooled,
    g.RecordingFinished,
)


def _check_letters(plain: Morning, customer: str, voice_message_id: str, *, has_expired: bool) -> None:
    """One letter for each of the two recipients, in the recipient's language, with the MP3 from S3."""
    company = plain.company
    stored = company.one(v.MessageStored, voice_message_id=voice_message_id)
    due = company.all(v.LetterDue, voice_message_id=voice_message_id)
    assert sorted(each.recipient.email for each in due) == [
        f"duty@{company.name}.example",
        f"vera@{company.name}.example",
    ]
    assert company.offset(v.MessageStored, voice_message_id=voice_message_id) < company.offset(
        v.LetterDue, voice_message_id=voice_message_id
    )
    found = plain.about(customer)
    assert sorted(letter.recipients for letter in found) == sorted((each.recipient.email,) for each in due)
    assert len({letter.message["Message-ID"] for letter in found}) == len(found)
    for letter in found:
        _check_letter(plain, letter, customer, has_expired=has_expired)
        assert letter.mp3 is not None
        assert hashlib.sha256(letter.mp3).hexdigest() == stored.mp3_sha256
    _check_objects(plain, customer, stored)


def _check_letter(plain: Morning, letter: Letter, customer: str, *, has_expired: bool) -> None:
    """A letter has the customer, the time, the length, the department, and whether a callback expired."""
    message, company = letter.message, plain.company
    is_english = letter.recipients[0].startswith("duty@")
    phone = company.phone(customer)
    shown = f"+7 900 000-{phone[-4:-2]}-{phone[-2:]}"
    assert message["To"].addresses[0].addr_spec == letter.recipients[0]
    assert message["From"].addresses[0].addr_spec == "ringback@localhost"
    assert message["Message-ID"].endswith("@localhost>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == ("en" if is_english else "ru")
    title = "Voice message" if is_english else "Голосовое сообщение"
    assert message["Subject"].startswith(f"{title}: {shown}")
    joined_s = company.place(customer).joined_at / 1000
    written_s = parsedate_to_datetime(message["Date"]).timestamp()
    # Received at the story's end: a wait of 30 s, the apology and the message; not on another day.
    assert joined_s <= written_s <= joined_s + 600
    expired = "no agent came free in time" if is_english else "никто из сотрудников не освободился вовремя"
    for part in (letter.text, letter.html):
        assert shown in part
        assert "Поддержка" in part
        assert ("Waited" if is_english else "Ждал ответа") in part
        assert ("Length" if is_english else "Длительность") in part
        assert (expired in part) == has_expired


def _check_objects(plain: Morning, customer: str, stored: v.MessageStored) -> None:
    """Original and MP3 are in S3 under unguessable keys; the sound is as long as the speech."""
    s3 = plain.cluster.stack.parts.s3
    mp3 = s3.client().get_object(Bucket=s3.bucket, Key=stored.mp3_key)["Body"].read()
    original = s3.client().get_object(Bucket=s3.bucket, Key=stored.original_key)["Body"].read()
    assert (len(mp3), hashlib.sha256(mp3).hexdigest()) == (stored.mp3_bytes, stored.mp3_sha256)
    digits = plain.company.phone(customer)[-10:]
    assert digits not in stored.mp3_key
    assert digits not in stored.original_key
    said_ms = len(speak(SAID[customer], Language.RUSSIAN)) / A_LAW_PER_MS
    assert decoded_ms(mp3, "mp3") == pytest.approx(said_ms, abs=LENGTH_MS_MAX)
    # The original is unchanged: the speech, with the silence around it.
    assert decoded_ms(original, "wav") >= int(said_ms)


def decoded_ms(sound: bytes, form: str) -> float:
    """How long a sound plays, by decoding all of it with ffmpeg."""
    argv = ["ffmpeg", "-v", "error", "-xerror", "-f", form, "-i", "pipe:0"]
    argv += ["-f", "s16le", "-ar", "8000", "-ac", "1", "pipe:1"]
    decoded = subprocess.run(argv, input=sound, capture_output=True, check=True, timeout=60).stdout
    return len(decoded) / 2 / 8
