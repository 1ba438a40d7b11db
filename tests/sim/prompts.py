"""The length of plays: about as long as it takes to say the text.

One length for all would hide what must wait for a long play, such as an agent's ringing tone.
"""

from functools import lru_cache
from typing import Final
from zlib import crc32

from contracts.directory import Language
from contracts.ids import MediaKey
from contracts.prompts import Prompt
from services.gateway.simulated import AudioLibrary
from services.tts.rules import prompt_texts

CHARACTER_MS: Final = 60
"""About sixteen characters a second, the speed of a clear voice that reads Russian."""
PACE_PER_CENT: Final = 25
"""Some sentences are read faster than others, by up to this much; it depends only on the text."""
RINGING_TONE_MS: Final = 45_000
"""As tts makes it: nine times a second of tone and four of silence."""
OTHER_MS: Final = 1_500
"""The length of a play that is not a standard prompt."""


@lru_cache(maxsize=1024)
def prompt_ms(key: MediaKey) -> int:
    """The length of a prompt."""
    folder, _, name = key.removesuffix(".wav").rpartition("/")
    if not folder.startswith("standard/"):
        return OTHER_MS
    if name == Prompt.RINGING_TONE:
        return RINGING_TONE_MS
    text = prompt_texts.text(Language(folder.removeprefix("standard/")), name)
    pace = 100 - PACE_PER_CENT + crc32(key.encode()) % (2 * PACE_PER_CENT)
    return max(200, len(text) * CHARACTER_MS * pace // 100)


def hum(text: str, _: Language) -> bytes:
    """«Speech» of a length that follows the text's, in A-law; not silence."""
    return b"\x2a\xaa" * (len(text) * 240)


class Prompts(AudioLibrary):
    """All prompts exist, each as long as its text takes to say."""

    def __init__(self) -> None:
        super().__init__(lambda _: None, hum)

    def length_ms(self, key: MediaKey) -> int | None:
        """How long a prompt plays."""
        return prompt_ms(key)
