"""Letters about impossible dates, and files that are not recordings: reported, without a crash.

The corpora of broken audio and hostile text are in tests/unit/voicemail, tests/unit/tts and
tests/integration/tts. This file adds a date beyond all calendars, and ten hours of silence.
"""

import email
import email.policy
import random
import resource
import subprocess
import time

import msgspec
import pytest

from contracts.codec import INTEGER_MAX, decode, encode
from contracts.directory import Recipient
from contracts.ids import Instant, OrganizationId
from contracts.message import type_name
from contracts.voicemail import SendLetter
from runtime.mail.addresses import InvalidAddress
from services.voicemail.activities.conversion import Mp3Converter, NotPlayable
from services.voicemail.activities.letter_composer import LetterAudio, LetterComposer
from tests.badinput.hostile import Hostile
from tests.unit.voicemail.sounds import voice, wav
from tests.unit.voicemail.test_letter_sender import LETTER

COMPOSER = LetterComposer(sender_name="Ringback", sender="rb@north.example", attachment_bytes_max=1_000_000)
NORTH = OrganizationId("north")


@pytest.mark.rule("V4")
@pytest.mark.parametrize("at", [INTEGER_MAX, -INTEGER_MAX, 253_402_300_800_000, -62_135_596_800_001, 0, -1])
@pytest.mark.parametrize("waited_ms", [0, INTEGER_MAX, -INTEGER_MAX])
def test_a_day_that_no_calendar_has_does_not_keep_a_letter_back(at: int, waited_ms: int) -> None:
    """The message matters more than its date: the recipients still learn that a customer called."""
    command = msgspec.structs.replace(
        LETTER, called_at=Instant(at), waited_ms=waited_ms, duration_ms=waited_ms
    )
    raw = COMPOSER.compose(NORTH, command, LetterAudio(mp3=b"mp3")).as_bytes()
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert [part.get_content_type() for part in found.walk()][-1] == "audio/mpeg"


@pytest.mark.rule("V4")
def test_any_letter_that_a_decider_can_ask_for_is_written_or_has_no_address() -> None:
    """Writing a letter must never raise: it would be tried eight times and then lost."""
    written = 0
    for seed in range(60):
        command = Hostile(random.Random(seed), (0.05, 0.4)[seed % 2]).message(SendLetter)
        command = decode(type_name(command), encode(command))  # type: ignore[assignment]  # as it arrives
        try:
            letter = COMPOSER.compose(NORTH, command, LetterAudio(mp3=b"mp3"))
        except InvalidAddress:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}: {command}") from error
        found = email.message_from_bytes(letter.as_bytes(), policy=email.policy.default)
        assert "Bcc" not in found, command
        assert len(found.get_all("To", ())) == 1
        assert all(len(line) <= 998 for line in letter.as_bytes().split(b"\r\n")), "RFC 5322, 2.1.1"
        written += 1
    assert written > 25


HOSTILE_NAMES = (
    "a\r\nBcc: all@example.com",
    "a\nSubject: другое",
    "a\x00b",
    "a\x0b\x0cb\x85c\u2028d",
    "=?utf-8?q?=0D=0ABcc:_x@y?=",
    "x" * 5_000,
    '"><script>alert(1)</script>',
    "-- \r\n.\r\n",
)


@pytest.mark.rule("V4")
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_name_of_anything_becomes_a_header(name: str) -> None:
    """Header injection: the organization's, the department's, the recipient's, the caller's, and reasons."""
    command = msgspec.structs.replace(
        LETTER,
        recipient=Recipient(name=name, email="head@north.example"),
        organization_name=name,
        department_name=name,
        timezone=name,
        caller=name,
        mark=name,
        reason=name,
        console_url=name,
        letter_id=name,
    )
    letter = COMPOSER.compose(NORTH, command, LetterAudio(mp3=b"mp3"))
    found = email.message_from_bytes(letter.as_bytes(), policy=email.policy.default)
    ordinary = COMPOSER.compose(NORTH, LETTER, LetterAudio(mp3=b"mp3")).as_bytes()
    expected = email.message_from_bytes(ordinary, policy=email.policy.default)
    assert sorted(found.keys()) == sorted(expected.keys())
    assert found["To"].addresses[0].addr_spec == "head@north.example"
    assert not any(c in str(found["Subject"]) for c in "\r\n\x00\x85\u2028")
    html = found.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()


def _ten_hours_of_silence() -> bytes:
    """Ten hours of silence as MP3: all its frames are the same, so two seconds are repeated."""
    argv = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "2.016"]
    argv += ["-c:a", "libmp3lame", "-b:a", "8k", "-reservoir", "0", "-write_xing", "0", "-id3v2_version", "0"]
    piece = subprocess.run([*argv, "-f", "mp3", "pipe:1"], capture_output=True, check=True).stdout
    return piece * 18_000


@pytest.mark.rule("V2", "V8")
async def test_ten_hours_of_silence_are_no_voice_message_and_cost_little() -> None:
    """A recorder that was not stopped affects neither memory nor other recordings."""
    silence = _ten_hours_of_silence()
    assert len(silence) > 30_000_000
    before_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    began = time.monotonic()
    sound = await Mp3Converter(at_once_max=2).convert(silence, speech_ms_min=2_000, duration_ms_max=180_000)
    assert sound.mp3 == b""
    assert time.monotonic() - began < 60
    assert max(0, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - before_kib) < 150 * 1024


RIFF = b"RIFF\xff\xff\xff\x00WAVE"
NAMED_WAV = {
    "a playlist behind a WAV's first bytes": RIFF + b"#EXTM3U\nhttp://127.0.0.1:1/a.ts\nfile:///etc/passwd\n",
    "a picture behind a WAV's first bytes": RIFF + b"\x89PNG\r\n\x1a\n" + bytes(500),
    "a chunk that is larger than the world": RIFF + b"LIST\xff\xff\xff\xff" + bytes(100),
    "chunks of nothing": RIFF + b"junk\x00\x00\x00\x00" * 20_000,
    "a picture in another RIFF": b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(100),
    "a playlist of ours": b"RIFF.wav\nffconcat version 1.0\nfile /etc/passwd\n",
    "a document": b"%PDF-1.7\n" + bytes(200),
    "a program": b"\x7fELF" + bytes(200),
    "an archive": b"PK\x03\x04" + bytes(200),
    "a film": b"\x1aE\xdf\xa3" + bytes(200),
    "no sample rate": wav(voice(3_000))[:24] + bytes(4) + wav(voice(3_000))[28:],
    "no channels": wav(voice(3_000))[:22] + bytes(2) + wav(voice(3_000))[24:],
}


@pytest.mark.rule("V8")
@pytest.mark.parametrize("what", NAMED_WAV)
async def test_what_only_calls_itself_a_recording_is_refused_with_the_reason(what: str) -> None:
    """It goes to quarantine, and the recipients still learn that a customer called."""
    with pytest.raises(NotPlayable) as refused:
        await Mp3Converter(at_once_max=2).convert(
            NAMED_WAV[what], speech_ms_min=2_000, duration_ms_max=180_000
        )
    assert "passwd" not in str(refused.value)
    assert 0 < len(str(refused.value)) < 400
