"""Which records count: each number of a source once, and those of deciders in order (architecture.md).

Since retention may have taken the log's beginning, a decider's first number is accepted whatever it is.
"""

from typing import Final

from contracts.codec import Envelope
from contracts.gateway import PbxClaimed
from contracts.message import type_name

Number = tuple[int, int]
"""Incarnation and number; a decider's incarnation is 0."""

_GATEWAY: Final = "gateway/"
_CLAIMED: Final = type_name(PbxClaimed)
_NOT_NUMBERED: Final = 0


def accepts(heard: dict[str, Number], envelope: Envelope, offset: int) -> bool:
    """Whether a record counts, by its headers; notes its number in `heard`. The host's marks never count."""
    if envelope.type.startswith("log."):
        return False
    number = (envelope.incarnation, envelope.seq)
    if envelope.type == _CLAIMED:
        number = (offset, 0)
    elif envelope.seq == _NOT_NUMBERED:
        return True
    if not _follows(heard.get(envelope.source), envelope.source, number):
        return False
    heard[envelope.source] = number
    return True


def _follows(last: Number | None, source: str, number: Number) -> bool:
    if last is None:
        return True
    if source.startswith(_GATEWAY):
        return number > last
    return number == (0, last[1] + 1)
