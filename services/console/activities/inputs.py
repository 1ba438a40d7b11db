"""Seals what was typed into a form whose session had ended, for a cookie of this browser alone."""

import zlib
from collections.abc import Sequence
from typing import Final

import msgspec

from runtime.ports import Clock
from services.console.activities.sealing import Seal
from services.console.state.sessions import Input

SEALED_LENGTH_MAX: Final = 3_000
"""Some two thousand letters. Beside the cookies of a sign-in it must fit into the 8 KiB that proxies take of
one header."""
LASTS_S: Final = 12 * 3_600
"""As long as a session may last."""


class Inputs:
    """Seals and opens with the installation's keys."""

    def __init__(self, keys: Sequence[str], clock: Clock) -> None:
        self._seal = Seal(keys, "input")
        self._clock = clock

    def sealed(self, given: Input) -> str:
        """An opaque text; empty: it is too long for a cookie."""
        packed = zlib.compress(msgspec.msgpack.encode(given))
        found = self._seal.seal(packed, self._clock.now() // 1_000)
        return found if len(found) <= SEALED_LENGTH_MAX else ""

    def opened(self, sealed: str) -> Input | None:
        """What was sealed here; None for anything else, and after twelve hours."""
        packed = self._seal.open(sealed, bytes, now_s=self._clock.now() // 1_000, lasts_s=LASTS_S)
        return None if packed is None else msgspec.msgpack.decode(zlib.decompress(packed), type=Input)
