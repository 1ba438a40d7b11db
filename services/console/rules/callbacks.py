"""Callbacks that stand: where each one's place is now, and what is being done about it."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from services.console.rules.navigation import OWN
from services.console.rules.present import Present
from services.console.rules.wallboard import DepartmentShown, PlaceShown, board
from services.console.state.live import Callback

ROWS_MAX: Final = 100
"""On one page: of more, those whose deadlines come first. A filter shows the others."""
IN_HAND: Final = (
    "attempt_started",
    "customer_dialled",
    "customer_answered",
    "customer_held",
    "customer_expected",
    "customer_joined",
    "apology_queued",
    "apology_dialled",
    "apology_made",
    "apology_failed",
    "message_wanted",
)
"""Steps of a callback that say more of its present than its place does."""
DEPARTMENTS: Final = "departments"
_NEVER: Final = 2**62


class StandingShown(Struct, frozen=True, kw_only=True):
    """A callback, and the place that it holds; None: the queue has not given one yet, or no longer has it.

    `doing` is a step of its story; empty: it waits in its place.
    """

    callback: Callback
    department: DepartmentShown | None
    place: PlaceShown | None
    doing: str

    @property
    def deadline_at(self) -> int | None:
        """Until when an agent must be there."""
        return self.callback.deadline_at if self.place is None else self.place.place.deadline_at

    @property
    def agent(self) -> str:
        """Who is with the customer, or tries to be; empty: nobody."""
        return self.callback.last_agent or ("" if self.place is None else self.place.place.agent)


class Standing(Struct, frozen=True, kw_only=True):
    """Callbacks that stand as of `at`, nearest deadline first; `left_out` more are not shown.

    `departments` are all that can be seen, by name.
    """

    at: int
    rows: tuple[StandingShown, ...]
    left_out: int
    departments: tuple[DepartmentShown, ...]


def standing(present: Present, filters: Mapping[str, str]) -> Standing:
    """The callbacks that stand and match; several words of a filter have commas between."""
    shown = board(present, present.at).departments
    places = {each.place.callback_id: each for department in shown for each in department.places}
    departments = {each.department.department_id: each for each in shown}
    rows = [
        StandingShown(
            callback=each,
            department=departments.get(each.department_id),
            place=places.get(each.callback_id),
            doing=each.last if each.last in IN_HAND else "",
        )
        for each in present.callbacks.values()
        if _matches(each.department_id, filters.get("department", ""))
        and _matches(each.origin, filters.get("origin", ""))
    ]
    rows.sort(key=lambda row: (row.deadline_at or _NEVER, row.callback.callback_id))
    return Standing(
        at=present.at,
        rows=tuple(rows[:ROWS_MAX]),
        left_out=max(0, len(rows) - ROWS_MAX),
        departments=shown,
    )


def reaches(rights: Mapping[str, str], own: tuple[str, ...], action: str, department_id: str) -> bool:
    """Whether somebody's right goes as far as a department; the directory decides, a page only shows."""
    reach = rights.get(action)
    if reach is None or reach == OWN:
        return False
    return reach != DEPARTMENTS or department_id in own


def _matches(value: str, wanted: str) -> bool:
    return not wanted or value in wanted.split(",")
