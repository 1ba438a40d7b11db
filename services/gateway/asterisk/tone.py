"""The tone that a caller hears before a recording: ours, so that no sound package is needed."""

import array
import math
from functools import cache
from typing import Final

from runtime import wav

RECORDING_TONE: Final = "recording-tone"
RATE_HZ: Final = 8_000
TONE_HZ: Final = 1_000
TONE_MS: Final = 200
AMPLITUDE: Final = 6_000
"""About a fifth of full scale."""


@cache
def recording_tone() -> bytes:
    """A WAV in the canonical form (T2)."""
    samples = array.array(
        "h",
        (
            round(AMPLITUDE * math.sin(math.tau * TONE_HZ * at / RATE_HZ))
            for at in range(TONE_MS * RATE_HZ // 1_000)
        ),
    ).tobytes()
    return wav.canonical(samples)
