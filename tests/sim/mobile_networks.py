"""The public network as it is: phones that ring late, networks that only say 183, trunks that write 8 495."""

import random
from typing import Any, Final

RING_AFTER_S: Final = (3.0, 10.0)
"""How long a mobile network usually looks for its phone."""


def make_late(chance: random.Random, public: dict[str, Any]) -> None:
    """Let many public phones ring late, and some networks say 183 in place of 180."""
    for phone in public.values():
        is_late, is_progress_only = chance.random() < 0.5, chance.random() < 0.3
        for behaviour in phone["behaviours"]:
            ring_after_s = chance.uniform(*RING_AFTER_S)
            if is_late:
                behaviour["ring_after_s"] = ring_after_s
            if is_progress_only:
                behaviour["is_progress_only"] = True


def write_lines(chance: random.Random, calls: list[dict[str, Any]]) -> None:
    """Let the trunk of some organizations write their lines as people of the country do."""
    if chance.random() < 0.3:
        prefix = chance.choice(("8", ""))
        for call in calls:
            call["line"] = call["line"].replace("+7", prefix)
