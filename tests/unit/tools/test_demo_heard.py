"""What the demo on real phones promises about sound: each promise must be able to fail."""

import audioop
import io
import math
import struct
from collections.abc import Mapping
from typing import Final

import pytest
from rich.console import Console

from contracts.prompts import Prompt, position_prompt
from devtools.demo import heard
from devtools.demo.promise import Promise
from ringback.stack.asterisk import sounds
from tests.unit.tools.demo_log import MORNING, NUMBERS, story_of

MS = 8
CALLED_BACK, WAITED, LEFT_MESSAGE, GAVE_UP = (f"tel:{NUMBERS[who]}" for who in ("k1", "k2", "k3", "k4"))


def sine(hertz: int, duration_ms: int = 2_000) -> bytes:
    """A sound that is known again by its height."""
    turn = math.tau * hertz / (1_000 * MS)
    samples = [round(6_000 * math.sin(turn * at)) for at in range(duration_ms * MS)]
    return struct.pack(f"<{len(samples)}h", *samples)


VOICE, APOLOGY, SECOND, SILENCE = sine(320), sine(450), sine(570), bytes(16_000)
MUSIC = audioop.alaw2lin(sounds.music(), 2)
BEEP = audioop.alaw2lin(sounds.beep(), 2)
PROMPTS: Final[Mapping[str, bytes]] = {
    Prompt.APOLOGY_AFTER_NAME: APOLOGY,
    position_prompt(2): SECOND,
}
RECORDINGS: Final = {
    CALLED_BACK: SILENCE + VOICE + SILENCE,
    WAITED: SECOND + MUSIC + MUSIC + VOICE,
    LEFT_MESSAGE: APOLOGY + BEEP + SILENCE,
    GAVE_UP: MUSIC,
}


def judged(**changed: bytes) -> list[Promise]:
    """The broken promises of the morning, with other recordings for some phones."""
    names = {"called_back": CALLED_BACK, "waited": WAITED, "left_message": LEFT_MESSAGE, "gave_up": GAVE_UP}
    found = {**RECORDINGS, **{names[name]: sound for name, sound in changed.items()}}
    morning = heard.Morning(
        {phone: audioop.lin2alaw(sound, 2) for phone, sound in found.items()},
        MUSIC,
        VOICE,
        PROMPTS.__getitem__,
    )
    return [each for each in heard.promises(story_of(*MORNING), morning) if not each.is_kept]


def test_a_morning_on_which_everybody_heard_what_was_meant_keeps_every_promise() -> None:
    assert judged() == []


def test_without_recordings_no_promise_is_kept() -> None:
    promised = heard.promises(story_of(*MORNING), None)
    assert promised
    assert not any(each.is_kept for each in promised)


@pytest.mark.parametrize(
    ("phone", "sound", "text"),
    [
        ("called_back", SILENCE, "the agent's own words"),
        ("waited", SECOND + VOICE, "music"),
        ("waited", MUSIC + MUSIC + VOICE, "positions"),
        ("left_message", BEEP + SILENCE, "the apology"),
        ("left_message", APOLOGY + SILENCE, "the tone"),
        ("gave_up", MUSIC + VOICE, "nobody's talk"),
    ],
    ids=["no voice", "no music", "no position", "no apology", "no tone", "somebody else's talk"],
)
def test_each_promise_is_broken_by_what_was_not_heard_or_should_not_have_been(
    phone: str, sound: bytes, text: str
) -> None:
    """A check that can't fail proves nothing."""
    assert any(text in broken.text for broken in judged(**{phone: sound}))


def test_the_table_has_a_line_for_each_phone_and_no_number() -> None:
    """The console of a demo is shown to others."""
    console = Console(record=True, file=io.StringIO(), width=100)
    recordings = {CALLED_BACK: b"\xd5" * 8_000, "sip:201": sounds.music()}
    heard.show(console, heard.Morning(recordings, MUSIC, VOICE, PROMPTS.__getitem__))
    shown = console.export_text()
    assert [line.split()[0] for line in shown.splitlines()[-2:]] == ["201", "+7…0101"]
    assert NUMBERS["k1"] not in shown
