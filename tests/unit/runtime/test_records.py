"""State as records: changes are known, stored records come back, and the order is deterministic."""

import msgspec
import pytest

from contracts.ids import Instant
from contracts.log import TimerDue
from runtime.records import NewerSchema, Record, State, timer_id


class Chair(Record, frozen=True, array_like=True):
    """A toy record."""

    chair_id: str
    legs: int = 4
    colour: str = ""


class Room(State):
    """A toy state with one table and one derived index."""

    def __init__(self) -> None:
        super().__init__()
        self.leg_count = 0
        self.chairs = self.table("chairs", Chair, self._count)

    def _count(self, old: Chair | None, new: Chair | None) -> None:
        self.leg_count += (new.legs if new else 0) - (old.legs if old else 0)


class Saved(msgspec.Struct, frozen=True, array_like=True):
    """A message that has a version."""

    version: int


class Card(Record, frozen=True, array_like=True):
    """A saved record with its own version, and a message with another."""

    card_id: str
    version: int = 0
    saved: Saved | None = None


def test_only_what_was_put_or_dropped_is_a_change() -> None:
    """A fact's cost must not grow with the number of records."""
    room = Room()
    for name in ("a", "b", "c"):
        room.chairs.put(Chair(name))
    room.chairs.take_changes()

    room.chairs.put(Chair("b", 3))
    room.chairs.drop("a")
    room.chairs.drop("never there")

    changes = room.chairs.take_changes()
    assert set(changes) == {"a", "b"}
    assert changes["a"] is None
    assert room.chairs.take_changes() == {}


def test_a_change_leaves_the_other_fields_and_the_index_right() -> None:
    """Deciders change a field or two of a record, and go on with what they have put."""
    room = Room()
    room.chairs.put(Chair("a", 3, "red"))

    changed = room.chairs.change(room.chairs["a"], legs=5)

    assert changed == room.chairs["a"] == Chair("a", 5, "red")
    assert room.leg_count == 5


def test_only_a_higher_version_replaces_a_record() -> None:
    """The directory may repeat its facts, including older ones."""
    cards = State().table("cards", Card)

    assert [cards.put_newer(Card("a", version)) for version in (2, 2, 1, 3)] == [True, False, False, True]
    assert cards["a"] == Card("a", 3)


def test_a_record_may_be_as_new_as_a_message_in_it() -> None:
    """An agent's card and hours come as two messages, and are kept in one record."""
    cards = State().table("cards", Card)
    cards.put(Card("a"))

    put = [cards.put_newer(Card("a", saved=Saved(version)), "saved") for version in (0, 0, 1)]

    assert put == [True, False, True], "without the message it is older than any"
    assert cards["a"] == Card("a", saved=Saved(1))


def test_a_loaded_state_equals_the_one_that_was_saved() -> None:
    """A new owner of a partition must decide exactly as its predecessor would have."""
    room = Room()
    for name in ("c", "a", "b"):
        room.chairs.put(Chair(name, 3))
    stored = {f"chairs/{key}": data for key, data in room.chairs.take_changes().items() if data is not None}

    loaded = Room()
    loaded.load(dict(reversed(stored.items())))

    assert list(loaded.chairs) == list(room.chairs) == [Chair("a", 3), Chair("b", 3), Chair("c", 3)]
    assert loaded.leg_count == 9
    assert loaded.chairs.take_changes() == {}


def test_a_record_of_a_newer_version_is_never_loaded() -> None:
    """An older version must not own what it can't understand."""
    with pytest.raises(NewerSchema, match="chairs"):
        Room().load({"chairs/a": bytes((2,)) + b"\x92\xa1a\x04"})


def test_a_record_stored_before_a_field_was_added_still_loads() -> None:
    """Fields are added at the end, with a default: yesterday's records stay readable."""
    room = Room()
    room.load({"chairs/a": b"\x01\x91\xa1a"})
    assert room.chairs["a"] == Chair("a", 4)


def test_timers_come_earliest_first_and_replace_each_other() -> None:
    """One timer of a kind per subject: setting it anew forgets the old instant."""
    room = Room()
    room.set_timer("ring", "x", Instant(50))
    room.set_timer("ring", "y", Instant(20))
    room.set_timer("ring", "x", Instant(10))

    assert [timer.subject for timer in room.due(Instant(30))] == ["x", "y"]
    assert room.earliest_due_at() == 10
    room.drop_timer("ring", "x")
    assert room.earliest_due_at() == 20


def test_timers_due_at_one_instant_come_by_their_names_however_they_came_to_be() -> None:
    """A new owner rings them in the order in which the old one would have."""
    room = Room()
    for subject in ("z", "a", "m"):
        room.set_timer("ring", subject, Instant(20))
    stored = {f"timers/{key}": data for key, data in room.timers.take_changes().items() if data is not None}

    loaded = Room()
    loaded.load(stored)

    assert [timer.subject for timer in room.due(Instant(20))] == ["a", "m", "z"]
    assert [timer.subject for timer in loaded.due(Instant(20))] == ["a", "m", "z"]


@pytest.mark.parametrize(("now", "due", "awaited"), [(99, 100, False), (100, 100, True), (500, 90, False)])
def test_a_timer_fires_only_if_that_very_timer_is_set_and_its_time_has_come(
    now: int, due: int, awaited: bool
) -> None:
    """A clock that is ahead, or a timer that was set anew, must change nothing."""
    room = Room()
    room.set_timer("ring", "x", Instant(100))
    room.now_at = Instant(now)
    fact = TimerDue(
        service="toy", timer_id=timer_id("ring", "x"), due_at=Instant(due), kind="ring", subject="x"
    )
    assert room.awaits(fact) is awaited
