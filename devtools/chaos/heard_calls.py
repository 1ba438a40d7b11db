"""What each person heard, from the phones' own recordings."""

import audioop
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from devtools.chaos.lone_phone import Talk
from devtools.chaos.reading import Ear, Span
from devtools.town.calls import Diary
from devtools.town.recognition import LOUD
from devtools.town.sound import FRAME_BYTES, FRAME_MS

WITHHELD: Final = "withheld"
"""How the town calls whoever hides the number."""
_SAMPLES: Final = memoryview(audioop.alaw2lin(bytes(range(256)), 2)).cast("h")
_IS_LOUD: Final = bytes(abs(sample) >= LOUD for sample in _SAMPLES)
"""Of each A-law sample whether it is loud; a phone whose person says nothing is not."""


def audible(sound: bytes, heard_from: int) -> list[Span]:
    """When something was heard, to 20 ms; `heard_from` is when the sound begins, in ms."""
    flags = sound.translate(_IS_LOUD)
    found: list[Span] = []
    for number, at in enumerate(range(0, len(flags), FRAME_BYTES)):
        if 1 not in flags[at : at + FRAME_BYTES]:
            continue
        begin = heard_from + number * FRAME_MS
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], begin + FRAME_MS)
        else:
            found.append((begin, begin + FRAME_MS))
    return found


def of_town(folder: Path) -> Iterator[Ear]:
    """The calls of a town, whose recordings are in a folder; those that were not answered heard nothing."""
    for file in sorted(folder.glob("*.json")):
        diary = msgspec.json.decode(file.read_bytes(), type=Diary)
        if diary.answered_at is None:
            continue
        is_caller = bool(diary.line)
        yield Ear(
            pbx_id=diary.pbx_id or "",
            address="" if is_caller else diary.name,
            line=diary.line,
            caller=diary.name.removeprefix("tel:") if is_caller and diary.name != WITHHELD else None,
            begun_at=diary.begun_at,
            answered_at=diary.answered_at,
            deaf_until=diary.heard_from,
            ended_at=diary.ended_at,
            heard=tuple(audible(file.with_suffix(".alaw").read_bytes(), diary.heard_from)),
            spoke=tuple(diary.spoken),
        )


def of_talks(extension: str, pbx_id: str, talks: Iterable[Talk]) -> Iterator[Ear]:
    """The calls of a phone that is no Asterisk; it speaks as long as it is there."""
    for talk in talks:
        if talk.answered_at is None or talk.ended_at is None:
            continue
        answered_at, ended_at = round(talk.answered_at * 1000), round(talk.ended_at * 1000)
        yield Ear(
            pbx_id=pbx_id,
            address=f"sip:{extension}",
            begun_at=round(talk.invited_at * 1000),
            answered_at=answered_at,
            ended_at=ended_at,
            heard=tuple((round(begin * 1000), round(end * 1000)) for begin, end in talk.heard),
            spoke=((answered_at, ended_at),),
        )
