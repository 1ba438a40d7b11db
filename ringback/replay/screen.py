"""Prints the comparison as a table, and beneath it how far to trust it."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from contracts.ids import DepartmentId
from ringback.replay.figures import TOLERANCE_MS, Figure, Run, clock, differences, figures

LIMITS: Final = (
    "Callers who did not hang up in the recording never do so here: longer waits may lose calls unseen.",
    "The other callers hang up after the same time; those who pressed «1» press it as long after the",
    "  invitation as they did then, and nobody else presses it.",
    "The calls are those recorded: nobody calls again, or stays away, because a call went differently.",
    "Each phone's answers, declines and misses come in the recorded order, whatever the hour. Ringing that",
    "  was cut off continues like the next that was not; a miss stays a miss, however long it rings.",
    "A talk lasts as this customer's did, else as the agent's others; an agent never rung answers like most.",
    "The phone network and the services are fast and healthy: nothing is lost, late or down.",
)
SHOWN_MAX: Final = 5


def show(
    console: Console,
    happened: Run,
    as_it_was: Run,
    with_settings: Run | None,
    changes: Sequence[str],
    *,
    stalls: Sequence[tuple[int, int]],
    elsewhere: int,
) -> None:
    """Print every department, then all of them; then what was not replayed, and the limits."""
    for line in changes:
        console.print(line, style="bold", highlight=False, markup=False)
    runs = [happened, as_it_was, *([with_settings] if with_settings is not None else [])]
    departments = [each for each in happened.departments if _has_places(runs, each)]
    for department_id in departments:
        name = happened.departments[department_id]
        console.print(_table(f"{name} ({department_id})", runs, department_id), "")
    if len(departments) > 1:
        console.print(_table("all departments", runs, None), "")
    _show_trust(console, happened, as_it_was, stalls)
    if elsewhere:
        calls = "1 call" if elsewhere == 1 else f"{elsewhere} calls"
        console.print(
            f"{calls} reached no department (direct calls, scenarios) and stay as they were, whatever the "
            "settings: the agents on them are busy as long as they were.",
            highlight=False,
        )
    console.print("\nWhat this can't tell:", highlight=False)
    for limit in LIMITS:
        console.print(limit if limit.startswith(" ") else f"· {limit}", highlight=False, soft_wrap=True)


def _has_places(runs: Sequence[Run], department_id: DepartmentId) -> bool:
    return any(place.department_id == department_id for run in runs for place in run.places.values())


def _table(title: str, runs: Sequence[Run], department_id: DepartmentId | None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in ("what happened", "replayed as it was", "with these settings")[: len(runs)]:
        table.add_column(name, justify="right")
    for line in zip(*(figures(run, department_id) for run in runs), strict=True):
        if any(figure.number for figure in line):
            style = "bold" if len({figure.number for figure in line[1:]}) > 1 else ""
            table.add_row(line[0].name, *(_number(figure) for figure in line), style=style)
    return table


def _number(figure: Figure) -> str:
    if figure.number is None:
        return "–"
    if not figure.is_ms:
        return str(figure.number)
    return clock(figure.number)


def _show_trust(console: Console, happened: Run, as_it_was: Run, stalls: Sequence[tuple[int, int]]) -> None:
    """Print how closely the unchanged replay matches what happened."""
    found = differences(happened, as_it_was, stalls=stalls)
    places = len(happened.places)
    console.print(
        f"Replayed as it was, {places - len(found)} of {places} places end as they did, "
        f"after the same wait within {TOLERANCE_MS / 1000:.0f} s.",
        style="green" if not found else "yellow",
        highlight=False,
    )
    if stalls:
        seconds = sum(until - begun for begun, until in stalls) / 1000
        console.print(
            f"Services stood still for {seconds:.0f} s in all on this stretch, but not in the replay: "
            "waits at those moments may differ by as much.",
            highlight=False,
        )
    for line in found[:SHOWN_MAX]:
        console.print(f"   {line}", highlight=False, style="yellow", markup=False)
    if len(found) > SHOWN_MAX:
        console.print(f"   … and {len(found) - SHOWN_MAX} more", style="yellow", highlight=False)
    if found:
        console.print("Compare the last column with the middle one, not with the first.", highlight=False)
