"""An offline run of a decider over a log: what it heard, in which state, and what followed.

It accepts records as architecture.md says that every reader does, and shares no code with the host but the
deciders themselves, so that the simulation may judge the host by it.
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
        """Where it stands on its partition."""

    @property
    def at(self) -> int:
        """The log's time in ms, not yet monotonic."""

    @property
    def envelope(self) -> Envelope:
        """Its attributes."""

    @property
    def fact(self) -> Message | None:
        """What it says; None when that can't be read here."""


class Acceptance:
    """Which records a reader takes for true: each number of a source once, of deciders in order.

    With `is_whole` False the log's beginning is missing: a decider's first number is believed whatever it is.
    """

    def __init__(self, *, is_whole: bool = True) -> None:
        self._is_whole = is_whole
        self._heard: dict[str, tuple[int, int]] = {}

    def accepts(self, record: Record) -> bool:
        """Judge a record, and note its number. Timers and marks of the host are nobody's number."""
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
    """One decider, fed with one organization's records in the order of the log."""

    def __init__(self, decider: Decider[Any], *, is_whole: bool = True) -> None:
        self.decider = decider
        self.state: State = decider.new_state()
        self._acceptance = Acceptance(is_whole=is_whole)
        self._types: tuple[type[Fact], ...] = (*decider.hears, TimerDue)
        self._is_whole = is_whole
        self._now = 0
        self.left_out = 0
        """Facts that could not be applied, since what they are about was before the log's beginning."""

    def is_own(self, record: Record) -> bool:
        """Whether the decider said this itself: it was applied when it was decided."""
        return record.envelope.source == self.decider.name and not isinstance(record.fact, TimerDue)

    def now(self, record: Record) -> Instant:
        """The record's time, made monotonic."""
        self._now = max(self._now, record.at)
        return Instant(self._now)

    def heard(self, record: Record) -> Fact | None:
        """The fact of a record that the decider hears, or None."""
        if self.is_own(record):
            return None
        if isinstance(record.fact, TimerDue):
            return record.fact if record.envelope.source == self.decider.name else None
        if not self._acceptance.accepts(record) or not isinstance(record.fact, self._types):
            return None
        assert isinstance(record.fact, Fact)
        return record.fact

    def hear(self, record: Record) -> Decision:
        """One record, decided on anew."""
        now_at = self.now(record)
        fact = self.heard(record)
        if fact is None:
            return Decision()
        return step(self.decider, self.state, fact, at=now_at, cause=record.envelope.id)

    def follow(self, record: Record, fact: Fact | None, said: Sequence[Fact], *, at: Instant) -> None:
        """One record of which the log holds what followed."""
        try:
            follow(self.decider, self.state, fact, said, at=at, cause=record.envelope.id)
        except (LookupError, AssertionError):
            if self._is_whole:
                raise
            self.left_out += 1


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One record, what the decider heard in it, and what it said then; the state is as after both."""

    at: Instant
    record: Record
    heard: Fact | None
    said: tuple[Fact, ...]


def following(replaying: Replaying, records: Iterable[Record]) -> Iterator[Told]:
    """Let a decider follow the log: what it said is taken from there and not decided anew.

    So the state is what it was then, also when the code that decided was another than today's.
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
    """The decider's own facts, each number once, by the offset of what caused them."""
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
