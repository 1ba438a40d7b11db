"""The present of a company, put together from a snapshot and the changes after it."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from services.console.state.live import Agent, Callback, Changes, Department, Live, Pbx, Place

Row = TypeVar("Row")


class Present:
    """Rows by their ids, as of the last event."""

    def __init__(self, live: Live) -> None:
        self.at = live.at
        self.departments: dict[str, Department] = {}
        self.places: dict[str, Place] = {}
        self.callbacks: dict[str, Callback] = {}
        self.agents: dict[str, Agent] = {}
        self.pbxs: dict[str, Pbx] = {}
        self._put(live)

    def change(self, changes: Changes) -> None:
        """Take what is new or different, and drop what is gone."""
        self.at = changes.at
        gone = changes.removed
        _drop(self.departments, gone.departments)
        _drop(self.places, gone.places)
        _drop(self.callbacks, gone.callbacks)
        _drop(self.agents, gone.agents)
        _drop(self.pbxs, gone.pbxs)
        self._put(changes)

    def _put(self, live: Live) -> None:
        _put(self.departments, live.departments, lambda row: row.department_id)
        _put(self.places, live.places, lambda row: row.place_id)
        _put(self.callbacks, live.callbacks, lambda row: row.callback_id)
        _put(self.agents, live.agents, lambda row: row.agent_id)
        _put(self.pbxs, live.pbxs, lambda row: row.pbx_id)


def _put(rows: dict[str, Row], found: Iterable[Row], id_of: Callable[[Row], str]) -> None:
    rows.update({id_of(row): row for row in found})


def _drop(rows: dict[str, Row], ids: Iterable[str]) -> None:
    for id_ in ids:
        rows.pop(id_, None)
