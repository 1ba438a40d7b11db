"""One organization's numbers: the last one said per stream, and the last one heard per source.

They are stored as a record of the organization, in the same batch as the messages that they number.
"""

from contracts.ids import Instant
from runtime.records import Record, Table

STREAM_OF_FACTS = "facts"
GAP_ALARM_MS = 60_000
"""A record that came too early comes again within a resend's pauses; after a minute one is lost."""


class Numbers(Record, frozen=True, array_like=True):
    """The stored form. `unconfirmed`: digests of own facts that have not come back on the log yet.

    `untold`: command streams that were numbered since a fact last carried their numbers.
    """

    key: str
    now_at: int
    said: dict[str, int]
    heard: dict[str, tuple[int, int]]
    confirmed: int
    unconfirmed: tuple[tuple[int, bytes], ...]
    untold: tuple[str, ...] = ()


RECORD_NAME = "host/numbers"
_CODEC: Table[Numbers] = Table("host", Numbers, None)


class Numbering:
    """One organization's numbers in memory."""

    def __init__(self, stored: bytes | None = None) -> None:
        numbers = Numbers(RECORD_NAME, 0, {}, {}, 0, ()) if stored is None else _CODEC.decoded(stored)
        self.now_at = Instant(numbers.now_at)
        self.said = numbers.said
        self.heard = numbers.heard
        self.confirmed = numbers.confirmed
        self.unconfirmed = dict(numbers.unconfirmed)
        self._untold = set(numbers.untold)
        self._early_since: dict[str, int] = {}

    def encoded(self) -> bytes:
        """The stored form; the order of sources and streams does not change the bytes."""
        return _CODEC.encoded(
            Numbers(
                RECORD_NAME,
                self.now_at,
                self.said,
                self.heard,
                self.confirmed,
                tuple(self.unconfirmed.items()),
                tuple(sorted(self._untold)),
            )
        )

    def next(self, stream: str) -> int:
        """Number the next output of a stream."""
        number = self.said.get(stream, 0) + 1
        self.said[stream] = number
        if stream != STREAM_OF_FACTS:
            self._untold.add(stream)
        return number

    def tell_streams(self) -> str:
        """The numbers of the command streams that advanced since the last fact: `a=3;b=7`.

        Every fact carries them, not only one with commands in its step: a step with commands alone leaves
        nothing on the log of facts, and a claim after a rollback must still count its commands.
        """
        told = ";".join(f"{stream}={self.said[stream]}" for stream in sorted(self._untold))
        self._untold.clear()
        return told

    def said_facts(self) -> int:
        """The number of the last fact said."""
        return self.said.get(STREAM_OF_FACTS, 0)

    def is_repeat(self, source: str, incarnation: int, seq: int) -> bool:
        """Whether this number was heard before: the log delivers at least once."""
        return (incarnation, seq) <= self.heard.get(source, (0, 0))

    def is_early(self, source: str, seq: int) -> bool:
        """Whether numbers are missing between the last one heard and this one, which will come again."""
        return seq != self.heard.get(source, (0, 0))[1] + 1

    def accept(self, source: str, incarnation: int, seq: int) -> None:
        """Note a number as heard."""
        self.heard[source] = (incarnation, seq)
        self._early_since.pop(source, None)

    def gap_is_old(self, source: str, at: int) -> bool:
        """Note that a source's record came too early at `at`; true once the gap has lasted too long."""
        since = self._early_since.setdefault(source, at)
        if at - since <= GAP_ALARM_MS:
            return False
        # Raise the alarm once a minute, not for every record.
        self._early_since[source] = at
        return True
