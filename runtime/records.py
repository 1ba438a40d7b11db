"""State as tables of small records; the tables remember what changed.

A decider's state is a handful of tables. The host stores only the records that a step put or dropped,
so a fact's cost does not grow with the number of waiting customers. Iteration is always in key order, which
makes a loaded state equal to the saved one, byte for byte.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from sortedcontainers import SortedList

from contracts.erasure import ErasedPart
from contracts.ids import Instant, TimerId
from contracts.log import TimerDue


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A stored piece of state. Its first field is its key, a string unique in its table.

    New fields go to the end, with a default; a change of meaning raises `schema`. A frozen record never
    becomes part of a reference cycle, so the garbage collector can skip a hundred thousand of them.
    """

    schema: ClassVar[int] = 1


class NewerSchema(Exception):
    """A newer version wrote a stored record: this version must not own the partition."""


R = TypeVar("R", bound=Record)
Index = Callable[[R | None, R | None], None]
"""Keeps a derived index: called with the record before and after; `None` means no record."""
IndexAll = Callable[[Iterable[R]], None]
"""Makes a derived index of all loaded records at once: sorted lists that grow one by one cost more."""


class Table(Generic[R]):
    """Records of one type by key. Only `apply` may put and drop.

    Iteration is in key order. The keys are sorted at iteration, and deciders iterate only over small tables;
    keeping a hundred thousand keys sorted would cost more than the rest of `put`.
    """

    def __init__(
        self,
        name: str,
        record_type: type[R],
        index: Index[R] | None,
        index_all: IndexAll[R] | None = None,
    ) -> None:
        self.name = name
        self.record_type = record_type
        self._key_field = record_type.__struct_fields__[0]
        self._records: dict[str, R] = {}
        self._order: list[str] | None = []
        """The keys in order; None when keys were added or removed since."""
        self._index = index
        self._index_all = index_all
        self.changes: dict[str, R | None] = {}
        """Records put, and None for those dropped, since changes were last taken."""
        self._decoder = msgspec.msgpack.Decoder(record_type)

    def get(self, key: str | None) -> R | None:
        """The record with this key; None if there is no such record, or `key` is None."""
        return self._records.get(key)  # type: ignore[arg-type]  # no record has the key None

    def __getitem__(self, key: str) -> R:
        return self._records[key]

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[R]:
        if self._order is None:
            self._order = sorted(self._records)
        return iter([self._records[key] for key in self._order])

    def put(self, record: R) -> None:
        """Add a record, or replace the one with its key."""
        key: str = getattr(record, self._key_field)
        old = self._records.get(key)
        if old is None:
            self._order = None
        self._records[key] = record
        self.changes[key] = record
        if self._index is not None:
            self._index(old, record)

    def change(self, record: R, **fields: Any) -> R:
        """Put a record with these fields changed, and return it."""
        changed = msgspec.structs.replace(record, **fields)
        self.put(changed)
        return changed

    def put_newer(self, record: R, field: str = "version") -> bool:
        """Put a record if its version is higher than that of the stored one; whether it was put.

        `field` holds the version, or a message with a version; a record without that message is the oldest.
        """
        known = self._records.get(getattr(record, self._key_field))
        if known is not None and _version(known, field) >= _version(record, field):
            return False
        self.put(record)
        return True

    def drop(self, key: str) -> None:
        """Remove the record with this key, if it exists."""
        old = self._records.pop(key, None)
        if old is None:
            return
        self._order = None
        self.changes[key] = None
        if self._index is not None:
            self._index(old, None)

    def load(self, stored: Iterable[bytes], shared: dict[Any, Any]) -> None:
        """Add stored records without noting changes; `State.load` indexes them. Raises NewerSchema.

        A text that `shared` has is taken from there: facts share ids among records, and each record is
        decoded with texts of its own, which would be a third of a loaded place's memory.
        """
        fields, texts_of = _texts(self.record_type)
        known, share, put = shared.get, shared.setdefault, msgspec.structs.force_setattr
        for data in stored:
            record = self.decoded(data)
            # A key is looked for and not kept: whoever refers to it was there before, or shares with others.
            key, *texts = texts_of(record)
            if (same := known(key)) is not None:
                put(record, self._key_field, key := same)
            for field, text in zip(fields, texts):  # noqa: B905  # checking costs as much as the rest
                if text is not None and (same := share(text, text)) is not text:
                    put(record, field, same)
            self._records[key] = record
        self._order = None

    def index_loaded(self) -> None:
        """Index all records, once they are loaded."""
        if self._index_all is not None:
            self._index_all(self._records.values())
        elif self._index is not None:
            for record in self:
                self._index(None, record)

    def decoded(self, data: bytes) -> R:
        """Decode a record's stored form. Raises NewerSchema."""
        if data[0] > self.record_type.schema:
            raise NewerSchema(f"{self.name}: stored as version {data[0]}, known is {self.record_type.schema}")
        return self._decoder.decode(data[1:])

    def encoded(self, record: R) -> bytes:
        """A record's stored form: a version byte, then msgpack."""
        return bytes((self.record_type.schema,)) + _ENCODER.encode(record)

    def take_changes(self) -> dict[str, bytes | None]:
        """Records put (bytes) and dropped (None) since the last call."""
        changes, self.changes = self.changes, {}
        return {key: None if record is None else self.encoded(record) for key, record in changes.items()}


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


@cache  # as many as there are types of records
def _texts(record_type: type[Record]) -> tuple[tuple[str, ...], Callable[[Record], tuple[Any, ...]]]:
    """The fields beside its key that hold a text or None, and what reads from a record the key and them."""
    key, *others = msgspec.inspect.type_info(record_type).fields  # type: ignore[attr-defined]  # a struct's
    fields = tuple(
        field.name
        for field in others
        if isinstance(field.type, msgspec.inspect.StrType)
        or (
            isinstance(field.type, msgspec.inspect.UnionType)
            and all(
                isinstance(each, msgspec.inspect.StrType | msgspec.inspect.NoneType)
                for each in field.type.types
            )
        )
    )
    if not fields:
        key_of = attrgetter(key.name)
        return (), lambda record: (key_of(record),)
    return fields, attrgetter(key.name, *fields)


def _version(record: Record, field: str) -> float:
    held = getattr(record, field)
    if held is None:
        return -math.inf
    version: int = held if isinstance(held, int) else held.version
    return version


class Earliest(Generic[R]):
    """How many of a table's records await an instant, and the earliest of these: an index, for gauges."""

    def __init__(self, field: str, where: Callable[[R], bool] | None = None) -> None:
        """`field` holds the instant; `where` says which records await theirs, without it all do."""
        self._field = field
        self._where = where
        self._found: SortedList[tuple[Instant, str]] = SortedList()

    def track(self, old: R | None, new: R | None) -> None:
        """Follow a table's record from what it was to what it is."""
        before, after = self._entry(old), self._entry(new)
        if before == after:
            return
        if before is not None:
            self._found.remove(before)
        if after is not None:
            self._found.add(after)

    def _entry(self, record: R | None) -> tuple[Instant, str] | None:
        if record is None or (self._where is not None and not self._where(record)):
            return None
        return getattr(record, self._field), getattr(record, record.__struct_fields__[0])

    def __len__(self) -> int:
        return len(self._found)

    @property
    def at_s(self) -> float:
        """The earliest instant in seconds since 1970; 0 if no record awaits one."""
        return self._found[0][0] / 1_000 if self._found else 0.0


class Timer(Record, frozen=True, array_like=True):
    """When a state must be woken, and why."""

    timer_id: TimerId
    due_at: Instant
    kind: str
    subject: str


def timer_id(kind: str, subject: str) -> TimerId:
    """A timer's name: each kind has one per subject, so setting it again replaces it."""
    return TimerId(f"{kind}/{subject}")


class _Due(msgspec.Struct, frozen=True, order=True, gc=False):
    """A timer's rank among all: half of a tuple's memory, and nothing for the garbage collector."""

    at: Instant
    timer_id: TimerId


class State:
    """One organization's state in one service; subclasses make their tables in `__init__`.

    `now_at` is the log's monotonic time of the current fact, set by the host before `apply`. `cause` is
    that fact's id, from which `apply` and `decide` derive new ids. Timers are ordinary records, and only
    `apply` sets them, so that a state rebuilt from facts has the same timers.
    """

    def __init__(self) -> None:
        self.now_at = Instant(0)
        self.cause = ""
        self.erased: tuple[ErasedPart, ...] = ()
        """What the erasure at hand took; for the decision of the same step, never stored."""
        self.tables: dict[str, Table] = {}  # type: ignore[type-arg]  # tables of different records
        self._due: SortedList[_Due] = SortedList()
        self.timers = self.table("timers", Timer, self._index_timer, self._index_timers)

    def table(
        self,
        name: str,
        record_type: type[R],
        index: Index[R] | None = None,
        index_all: IndexAll[R] | None = None,
    ) -> Table[R]:
        """Make a table; `index(old, new)` keeps derived indexes and is also called for loaded records.

        With `index_all` these are indexed by one call.
        """
        made: Table[R] = Table(name, record_type, index, index_all)
        self.tables[name] = made
        return made

    def load(self, records: Mapping[str, bytes]) -> None:
        """Add stored records by their names, `<table>/<key>`, to a new state. Raises NewerSchema.

        Tables are indexed in the order of their names, when all records are there. Records of a table that
        this version does not have are left out.
        """
        stored: dict[str, list[bytes]] = {name: [] for name in self.tables}
        for name, data in records.items():
            found = stored.get(name.partition("/")[0])
            if found is not None:
                found.append(data)
        shared: dict[Any, Any] = {}
        for name, table in self.tables.items():
            table.load(stored[name], shared)
        del stored, shared  # before the indexes are made, which then take their room
        for name in sorted(self.tables):
            self.tables[name].index_loaded()

    def _index_timer(self, old: Timer | None, new: Timer | None) -> None:
        if old is not None and new is not None and old.due_at == new.due_at:
            return
        if old is not None:
            self._due.remove(_Due(old.due_at, old.timer_id))
        if new is not None:
            self._due.add(_Due(new.due_at, new.timer_id))

    def _index_timers(self, loaded: Iterable[Timer]) -> None:
        self._due.update([_Due(timer.due_at, timer.timer_id) for timer in loaded])

    def clear(self) -> None:
        """Drop every record: the organization was removed, and nothing of it is kept. Only in `apply`."""
        for table in self.tables.values():
            for key in [getattr(record, table.record_type.__struct_fields__[0]) for record in table]:
                table.drop(key)

    def set_timer(self, kind: str, subject: str, due_at: Instant) -> None:
        """Set a timer; it replaces the timer of this kind and subject. Only in `apply`."""
        self.timers.put(Timer(timer_id(kind, subject), due_at, kind, subject))

    def drop_timer(self, kind: str, subject: str) -> None:
        """Drop a timer. Only in `apply`."""
        self.timers.drop(timer_id(kind, subject))

    def due(self, before_at: Instant) -> Iterator[Timer]:
        """Timers due at or before an instant, earliest first."""
        for due in self._due:
            if due.at > before_at:
                return
            yield self.timers[due.timer_id]

    def earliest_due_at(self) -> Instant | None:
        """When the next timer is due, or None."""
        return self._due[0].at if self._due else None

    def awaits(self, due: TimerDue) -> bool:
        """Whether exactly this timer is still set, and the log's time has reached it."""
        timer = self.timers.get(due.timer_id)
        return timer is not None and timer.due_at == due.due_at and self.now_at >= due.due_at
