"""What the simulation alone can compare: the records in the store with what the log makes of them."""

from collections.abc import Iterator
from typing import Any

from runtime.decision import Decider
from tests.sim.world import Run
from tools.explaining import no_offer_inverts_the_order, replayed, the_log_explains_itself


def the_state_survives_reloading(run: Run, deciders: tuple[Decider[Any], ...]) -> Iterator[str]:
    """What is stored at the end is what the log makes, record by record, byte by byte."""
    for decider in deciders:
        replay = replayed(run, decider)
        expected = {
            f"{table.name}/{key}": data
            for table in replay.state.tables.values()
            for key, data in table.take_changes().items()
            if data is not None
        }
        stored = {
            name: data
            for records in run.stores[decider.name].stored[0].records.values()
            for name, data in records.items()
            if not name.startswith("host/")
        }
        if stored != expected:
            differing = sorted(
                name for name in stored.keys() | expected.keys() if stored.get(name) != expected.get(name)
            )
            yield f"{decider.name}: {len(differing)} records differ from the log's, the first {differing[:3]}"


__all__ = ["no_offer_inverts_the_order", "the_log_explains_itself", "the_state_survives_reloading"]
