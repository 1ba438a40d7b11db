"""History, folded from the morning's log, tells every thing once (H3, H6).

Its tables refuse a second row of the same name, and a refused row stops a partition for ever.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from contracts.ids import Instant
from services.history.rules.card_cache import CardCache
from services.history.rules.projection_batch import HEARS, ProjectionBatch
from services.history.rules.table_rows import rows_of
from tests.sim.workload import ORGANIZATION
from tests.sim.world import Run

NAMES: Final = {
    "places": "place_id",
    "callbacks": "callback_id",
    "messages": "voice_message_id",
    "recordings": "recording_id",
}
"""Tables that have a thing once in an organization, and what names it."""


def history_tells_everything_once(run: Run) -> Iterator[str]:
    """Whichever contacts a fact concerns."""
    batch = ProjectionBatch(ORGANIZATION, CardCache(ORGANIZATION), {})
    for each in run.facts:
        known = each.fact if isinstance(each.fact, HEARS) else None
        batch.hear(each.envelope, known, at=Instant(each.at), offset=each.offset)
    told: Counter[tuple[str, str]] = Counter()
    for contact in batch.contacts.values():
        rows = rows_of(contact)
        told.update((table, row[name]) for table, name in NAMES.items() for row in rows[table])
    for (table, name), times in told.items():
        if times > 1:
            yield f"history has {name} {times} times in {table}, whose rows are unique"
