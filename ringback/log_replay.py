"""Runs a decider offline over a log: what it heard, in which state, and what followed.

It accepts records by the rules for every reader (docs/architecture.md). It shares no code with the host
except the deciders themselves, so that the simulation can judge the host by it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

import msgspec

from contracts.codec import Envelope
from contracts.gateway import PbxClaimed
from contracts.ids import Instant
from contracts.log import TimerDue
from contracts.message import Fact, Message
from runtime.decision import Decider, Decision, follow, step
from runtime.records import State

GATEWAY: Final = "gateway/"
NOT_NUMBERED: Final = 0


class Record(Protocol):
    """One message with its place on the log: a `ringback.log.Reading`, or the simulation's own."""

    @property
    def offset(self) -> int:
        """The record's offset on its partition."""

    @property
    def at(self) -> int:
        """The record's time in ms, not yet monotonic."""

    @property
    def envelope(self) -> Envelope:
        """The message's attributes."""

    @property
    def fact(self) -> Message | None:
        """The message; None if this version can't read it."""


class Acceptance:
    """Which records a reader accepts: each number of a source once, and a decider's numbers in order.

    With `is_whole` False the log's beginning is missing, so a decider's first number may be any.
    """

    def __init__(self, *, is_whole: bool = True) -> None:
        self._is_whole = is_whole
        self._heard: dict[str, tuple[int, int]] = {}

    def accepts(self, record: Record) -> bool:
        """Judge a record and note its number. The host's timers and marks have no number."""
        envelope = record.envelope
        if envelope.type.startswith("log."):
            return False
        number = (envelope.incarnation, envelope.seq)
        if isinstance(record.fact, PbxClaimed):
            number = (record.offset, 0)
        elif envelope.seq == NOT_NUMBERED:
            return True
        if not self._follows(envelope.source, number):
            return False
        self._heard[envelope.source] = number
        return True

    def _follows(self, source: str, number: tuple[int, int]) -> bool:
        last = self._heard.get(source)
        if source.startswith(GATEWAY):
            return number > (last or (0, 0))
        if last is None:
            return number == (0, 1) or not self._is_whole
        return number == (0, last[1] + 1)


class Replaying:
    """One decider that hears one organization's records in the order of the log."""

    def __init__(self, decider: Decider[Any], *, is_whole: bool = True) -> None:
        self.decider = decider
        self.state: State = decider.new_state()
        self._acceptance = Acceptance(is_whole=is_whole)
        self._types: tuple[type[Fact], ...] = (*decider.hears, TimerDue)
        self._is_whole = is_whole
        self._now = 0
        self.left_out = 0
        """Facts that could not be applied, since their subject dates from before the log's beginning."""

    def is_own(self, record: Record) -> bool:
        """Whether the decider said this record itself: it was applied when it was decided."""
        return record.envelope.source == self.decider.name and not isinstance(record.fact, TimerDue)

    def now(self, record: Record) -> Instant:
        """The record's time, made monotonic."""
        self._now = max(self._now, record.at)
        return Instant(self._now)

    def heard(self, record: Record) -> Fact | None:
        """The record's fact if the decider hears it, or None."""
        if self.is_own(record):
            return None
        if isinstance(record.fact, TimerDue):
            return record.fact if record.envelope.source == self.decider.name else None
        if not self._acceptance.accepts(record) or not isinstance(record.fact, self._types):
            return None
        assert isinstance(record.fact, Fact)
        return record.fact

    def hear(self, record: Record) -> Decision:
        """Hear one record and decide anew."""
        now_at = self.now(record)
        fact = self.heard(record)
        if fact is None:
            return Decision()
        return step(self.decider, self.state, fact, at=now_at, cause=record.envelope.id)

    def follow(self, record: Record, fact: Fact | None, said: Sequence[Fact], *, at: Instant) -> None:
        """Hear one record, and take from the log what followed."""
        try:
            follow(self.decider, self.state, fact, said, at=at, cause=record.envelope.id)
        except (LookupError, AssertionError):
            if self._is_whole:
                raise
            self.left_out += 1


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One record, the fact that the decider heard, and what it said then; the state is as after both."""

    at: Instant
    record: Record
    heard: Fact | None
    said: tuple[Fact, ...]


def following(replaying: Replaying, records: Iterable[Record]) -> Iterator[Told]:
    """Let a decider follow the log: its own facts are taken from there and not decided anew.

    So the state is the same as it was, even if another version of the code decided.
    """
    listed = tuple(records)
    said = _said_by_cause(replaying, listed)
    for record in listed:
        now_at = replaying.now(record)
        fact = replaying.heard(record)
        own = tuple(said.get(record.offset, ()))
        if fact is not None or own:
            replaying.follow(record, fact, own, at=now_at)
        yield Told(at=now_at, record=record, heard=fact, said=own)


def _said_by_cause(replaying: Replaying, records: tuple[Record, ...]) -> dict[int, list[Fact]]:
    """The decider's own facts, each number once, by the offset of their cause."""
    found: dict[int, list[Fact]] = {}
    last: int | None = None
    for record in records:
        seq = record.envelope.seq
        if not replaying.is_own(record) or seq == NOT_NUMBERED or (last is not None and seq != last + 1):
            continue
        last = seq
        if isinstance(record.fact, Fact):
            found.setdefault(record.envelope.cause_offset, []).append(record.fact)
    return found
