"""What the people of a town recognize in what their phones hear."""

import audioop
import random
import struct

import pytest

from devtools.town.recognition import Following, Known, ToneListener, has_whisper, is_flat, tone_share
from devtools.town.sound import FRAME_BYTES, SILENCE, WHISPER
from ringback.stack.asterisk.sounds import beep, music, tone

POLL_BYTES = 3 * FRAME_BYTES
POLL_MS = 60


def speech(seed: int, duration_ms: int) -> bytes:
    """Noise in place of speech, which is never the same twice."""
    draw = random.Random(seed)
    samples = [draw.randint(-8_000, 8_000) for _ in range(duration_ms * 8)]
    return audioop.lin2alaw(struct.pack(f"<{len(samples)}h", *samples), 2)


def silence(duration_ms: int) -> bytes:
    return SILENCE * (duration_ms * 8)


def ended_after_ms(following: Following, heard: bytes) -> int | None:
    """When somebody who listens every 60 ms says that the prompt has ended; afterwards nothing is heard."""
    for poll in range(200):
        piece = heard[poll * POLL_BYTES : (poll + 1) * POLL_BYTES]
        if following.hear(piece, now_ms=poll * POLL_MS):
            return poll * POLL_MS
    return None


@pytest.mark.parametrize("shift", [0, 1, 79, 159])
def test_a_prompt_is_known_by_any_piece_of_it(shift: int) -> None:
    prompts = Known([speech(1, 800), speech(2, 800)])
    heard = silence(100) + b"\xd5" * shift + speech(2, 800)[:800]
    place = prompts.find(heard)
    assert place is not None
    assert (place.sound, place.byte) == (speech(2, 800), 800)


@pytest.mark.parametrize("other", [speech(3, 500), music(), silence(500), WHISPER * 30])
def test_no_other_sound_is_taken_for_a_prompt(other: bytes) -> None:
    assert Known([speech(1, 800)]).find(other) is None


def test_a_prompt_that_was_heard_to_its_end_has_ended_then() -> None:
    prompt = speech(1, 900)
    assert ended_after_ms(Following(Known([prompt])), silence(300) + prompt) == pytest.approx(1_200, abs=120)


def test_a_pause_within_a_prompt_is_not_its_end() -> None:
    prompt = speech(1, 400) + silence(900) + speech(2, 400)
    assert ended_after_ms(Following(Known([prompt])), prompt) == pytest.approx(1_700, abs=120)


@pytest.mark.parametrize("then", [music(), b""])
def test_a_prompt_that_is_interrupted_has_ended_soon(then: bytes) -> None:
    prompt = speech(1, 5_000)
    ended = ended_after_ms(Following(Known([prompt])), prompt[: 8 * 600] + then)
    assert ended == pytest.approx(600 + 300, abs=120)


def test_a_prompt_that_is_never_heard_never_ends() -> None:
    assert ended_after_ms(Following(Known([speech(1, 900)])), music()) is None


def test_another_phones_whisper_is_heard_and_is_no_sound_to_anybody_else() -> None:
    assert has_whisper(silence(40) + WHISPER)
    assert has_whisper(WHISPER.replace(b"\x55", b"\x54")), "a mixer rounds to the next step"
    assert not has_whisper(silence(100))
    assert not has_whisper(music())
    assert is_flat(WHISPER)
    assert tone_share(WHISPER, 500) == 0


def test_the_tone_before_a_recording_is_heard_when_it_has_ended() -> None:
    listener = ToneListener()
    assert not listener.hear(speech(1, 200) + beep())
    assert listener.hear(b"")


@pytest.mark.parametrize(
    "other", [speech(1, 500), music(), tone(440, duration_ms=500), silence(500), WHISPER * 20]
)
def test_nothing_else_is_taken_for_the_tone_before_a_recording(other: bytes) -> None:
    listener = ToneListener()
    assert not listener.hear(other)
    assert not listener.hear(b"")
