"""History, folded from the morning's log, tells every thing once, and shows the present as the queue has it.

Its tables refuse a second row of the same name, and a refused row stops a partition for ever (H3, H6).
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from contracts.ids import DepartmentId, Instant
from contracts.queue import CustomerTalked, PlaceTaken
from services.history.rules import live_contacts
from services.history.rules.card_cache import CardCache
from services.history.rules.live_contacts import LiveKind, LivePlace
from services.history.rules.place_standing import Rank
from services.history.rules.projection_batch import HEARS, ProjectionBatch
from services.history.rules.table_rows import rows_of
from tests.sim.workload import ORGANIZATION
from tests.sim.world import Run, Said

NAMES: Final = {
    "places": "place_id",
    "callbacks": "callback_id",
    "messages": "voice_message_id",
    "recordings": "recording_id",
}
"""Tables that have a thing once in an organization, and what names it."""


def history_tells_everything_once(run: Run) -> Iterator[str]:
    """Whichever contacts a fact concerns."""
    told: Counter[tuple[str, str]] = Counter()
    for contact in _Folded.of(run).batch.contacts.values():
        rows = rows_of(contact)
        told.update((table, row[name]) for table, name in NAMES.items() for row in rows[table])
    for (table, name), times in told.items():
        if times > 1:
            yield f"history has {name} {times} times in {table}, whose rows are unique"


def the_present_is_the_queues(run: Run) -> Iterator[str]:
    """A new place stands where the queue has put it (Q3, C7); when all is over nobody waits on a wall."""
    folded = _Folded.of(run)
    yield from folded.elsewhere
    for (kind, subject), row in folded.batch.live.rows.items():
        if kind is not LiveKind.FACT and row.document is not None:
            yield f"the {kind} {subject} is shown, and its contact has ended"


class _Folded:
    """A morning's log in history's hands, fact by fact; made once for both checkers."""

    last: "tuple[Run, _Folded] | None" = None

    def __init__(self, run: Run) -> None:
        self.batch = ProjectionBatch(ORGANIZATION, CardCache(ORGANIZATION), {})
        self.elsewhere: list[str] = []
        self._beyond: set[str] = set()
        self._talked: set[str] = set()
        """Places that the queue counts no longer, and history until callback has ended them (C14)."""
        self._before: list[tuple[int, str, Rank | None]] = []
        """Each word of callback about a place, and how that stood before: the queue may hear it late."""
        for each in run.facts:
            known = each.fact if isinstance(each.fact, HEARS) else None
            if each.envelope.source == "callback":
                self._note(each)
            self.batch.hear(each.envelope, known, at=Instant(each.at), offset=each.offset)
            if isinstance(each.fact, CustomerTalked):
                self._talked.add(each.fact.place_id)
            if isinstance(each.fact, PlaceTaken):
                self._look(each.fact, each)

    @classmethod
    def of(cls, run: Run) -> "_Folded":
        """The morning folded."""
        if cls.last is None or cls.last[0] is not run:
            cls.last = (run, cls(run))
        return cls.last[1]

    def _note(self, said: Said) -> None:
        place_id = getattr(said.fact, "place_id", None)
        for place in self._places():
            if place.place_id == place_id:
                self._before.append((said.offset, place.place_id, place.rank))

    def _look(self, fact: PlaceTaken, said: Said) -> None:
        """Compare a new place's position. A full queue takes some callers beyond its order for a moment, and
        only the queue knows whom: as long as one of them may be there nothing is compared."""
        row = self.batch.live.rows.get((LiveKind.PLACE, fact.place_id))
        card = self.batch.cards.department(fact.department_id)
        if row is None or row.offset != said.offset or card is None:
            return
        order = self._order(fact.department_id, said.envelope.cause_offset)
        if self._beyond.isdisjoint(order) and order.index(fact.place_id) + 1 != fact.position:
            shown = order.index(fact.place_id) + 1
            self.elsewhere.append(f"{fact.place_id} is shown as {shown}, and the queue said {fact.position}")
        if card.waiting_max is not None and len(order) > card.waiting_max:
            self._beyond.add(fact.place_id)

    def _order(self, department_id: DepartmentId, heard: int) -> list[str]:
        """The places of a department in their order, as known to a queue that has heard so much of it."""
        ranks: dict[str, Rank | None] = {
            each.place_id: each.rank for each in self._places() if each.department_id == department_id
        }
        for offset, place_id, rank in reversed(self._before):
            if offset <= heard:
                break
            if place_id in ranks:
                ranks[place_id] = rank
        ranked = [
            (rank, place_id)
            for place_id, rank in ranks.items()
            if rank is not None and place_id not in self._talked
        ]
        return [place_id for _, place_id in sorted(ranked)]

    def _places(self) -> Iterator[LivePlace]:
        for contact in self.batch.contacts.values():
            if contact.ended_at is None:
                rows = live_contacts.rows_of(contact).values()
                yield from (each for each in rows if isinstance(each, LivePlace))
