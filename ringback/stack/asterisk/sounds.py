"""The sounds that an Asterisk of the stack has of its own: hold music, and the tone before a recording."""

import array
import audioop
import math
from typing import Final

RATE_HZ: Final = 8_000
SAMPLE_BYTES: Final = 2
BEEP_HZ: Final = 1_000
BEEP_MS: Final = 200
CHORDS_HZ: Final = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
"""C, A minor, F and G: hold music that no ear takes for a single tone."""
CHORD_MS: Final = 800
AMPLITUDE: Final = 6_000
"""About a fifth of full scale: three voices at once stay below it."""


def beep() -> bytes:
    """The tone before a recording, A-law."""
    return tone(BEEP_HZ, duration_ms=BEEP_MS)


def tone(*voices_hz: int, duration_ms: int) -> bytes:
    """Some voices at once, A-law at 8 kHz."""
    samples = (
        round(sum(AMPLITUDE * math.sin(math.tau * each * at / RATE_HZ) for each in voices_hz))
        for at in range(duration_ms * RATE_HZ // 1_000)
    )
    return audioop.lin2alaw(array.array("h", samples).tobytes(), SAMPLE_BYTES)


def music() -> bytes:
    """A phrase of hold music, A-law."""
    return b"".join(tone(*chord, duration_ms=CHORD_MS) for chord in CHORDS_HZ)
