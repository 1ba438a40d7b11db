"""A notice's name, and how far speech is with it (T5)."""

import re
from typing import Final

from msgspec import Struct

from services.directory.state.cards import NoticeCard
from services.directory.state.responses import RenderState, Text

NAME_LENGTH_MAX: Final = 40
"""What fits a row of a list."""
_CODE: Final = re.compile(r"^[a-z_]+: ")


class Ready(Struct, frozen=True, kw_only=True):
    """The newest version that can be played."""

    version: int
    duration_ms: int


class Failed(Struct, frozen=True, kw_only=True):
    """The newest version that could not be made, and why."""

    version: int
    is_final: bool
    reason: Text


class NoticeStatus(Struct, frozen=True, kw_only=True):
    """How far a notice is: the fields of `NoticeShown` that tell it."""

    render_state: RenderState
    duration_ms: int | None = None
    is_older: bool = False
    failure: Text | None = None
    is_tried_again: bool = False


def name(id_: str, card: NoticeCard) -> str:
    """A notice's own name, else the first words of its text, else its id."""
    if card.name is not None:
        return card.name
    words = " ".join(card.text.split())
    if len(words) <= NAME_LENGTH_MAX:
        return words or id_
    return (words[:NAME_LENGTH_MAX].rpartition(" ")[0] or words[: NAME_LENGTH_MAX - 1]).rstrip(" ,;:—") + "…"


def notice_status(wanted: int, ready: Ready | None, failed: Failed | None) -> NoticeStatus:
    """The status of a notice whose newest version is `wanted`; an earlier rendering plays on."""
    is_made = ready is not None and ready.version == wanted
    plays_ms = None if ready is None else ready.duration_ms
    is_older = ready is not None and not is_made
    if failed is not None and failed.version == wanted and not is_made:
        return NoticeStatus(
            render_state=RenderState.FAILED,
            duration_ms=plays_ms,
            is_older=is_older,
            failure=failed.reason,
            is_tried_again=not failed.is_final,
        )
    state = RenderState.WAITING if ready is None else RenderState.READY
    return NoticeStatus(render_state=state, duration_ms=plays_ms, is_older=is_older)


def in_words(reason: str) -> str:
    """A reason without the code before it."""
    return _CODE.sub("", reason)
