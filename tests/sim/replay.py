"""Checks by replay whether facts, commands and stored records follow from the log."""

from collections.abc import Iterator
from typing import Any

from devtools.oracle import Replay, explained, inversions
from runtime.decision import Decider
from services.queue.state import QueueState
from tests.sim.world import Run


def all_follows_from_the_log(run: Run, deciders: tuple[Decider[Any], ...]) -> Iterator[str]:
    """All outputs follow from the log, the stores hold its records, and no offer inverts the order (Q3).

    Each decider runs over the log only once for this: it is half of the cost of judging a morning.
    """
    for decider in deciders:
        replay = Replay(decider)
        for said in run.facts:
            decision = replay.hear(said)
            if isinstance(replay.state, QueueState):
                yield from inversions(replay.state, decision.facts)
        yield from explained(run, replay)
        yield from _differing(run, replay)


def _differing(run: Run, replay: Replay) -> Iterator[str]:
    """Stored records that differ from those that the log makes, compared byte by byte."""
    service = replay.decider.name
    expected = {
        f"{table.name}/{key}": data
        for table in replay.state.tables.values()
        for key, data in table.take_changes().items()
        if data is not None
    }
    stored = {
        name: data
        for records in run.stores[service].stored[0].records.values()
        for name, data in records.items()
        if not name.startswith("host/")
    }
    if stored != expected:
        differing = sorted(
            name for name in stored.keys() | expected.keys() if stored.get(name) != expected.get(name)
        )
        yield f"{service}: {len(differing)} records differ from the log's, the first {differing[:3]}"
