"""Which records a reader takes for true: each number of a source once, of deciders in order.

As architecture.md says of every reader. The log may have lost its beginning to retention: the first number of
a decider is believed, whatever it is.
"""

from typing import Final

from contracts.codec import Envelope
from contracts.gateway import PbxClaimed
from contracts.message import type_name

Number = tuple[int, int]
"""Incarnation and number; deciders have no incarnation."""

_GATEWAY: Final = "gateway/"
_CLAIMED: Final = type_name(PbxClaimed)
_NOT_NUMBERED: Final = 0


def accepts(heard: dict[str, Number], envelope: Envelope, offset: int) -> bool:
    """Judge a record by its headers, and note its number in `heard`; the host's own marks are nobody's."""
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
