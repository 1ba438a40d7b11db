"""The mornings show all ends, and a workload that lacks one is detected."""

from pathlib import Path

import msgspec
import pytest

from contracts.queue import PlaceDiverted
from tests.sim import coverage
from tests.sim.coverage import Gathered, lacking, seen, wanted
from tests.sim.world import CALM, Run, simulate


def a_morning(seed: int = 1) -> Run:
    """Any one."""
    return simulate(seed, CALM)


def test_one_morning_does_not_show_everything() -> None:
    """A check that any single morning passes would ask for nothing."""
    assert "place diverted, hang_up: queue_full" in lacking([seen(a_morning())])


def test_an_end_that_no_morning_shows_is_named() -> None:
    """Each one counts: no other takes its place."""
    for end in wanted():
        assert lacking([wanted() - {end}, frozenset({"something else"})]) == [end]


def test_an_end_counts_only_if_it_stands_on_the_log() -> None:
    """Coverage comes from the facts on the log, not from the plan."""
    found = next(run for seed in range(1, 20) if any(is_diverted(run := a_morning(seed))))
    without = msgspec.structs.replace(
        found, facts=tuple(each for each in found.facts if not isinstance(each.fact, PlaceDiverted))
    )
    lost = seen(found) - seen(without)
    assert "queue says queue.place_diverted" in lost
    assert any(each.startswith("place diverted, ") for each in lost)


def is_diverted(run: Run) -> list[bool]:
    """Whether a place was diverted, fact by fact."""
    return [isinstance(each.fact, PlaceDiverted) for each in run.facts]


def test_enough_mornings_that_lack_an_end_fail_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer who removes a habit from the workload learns what is no longer proven."""
    gathered = Gathered(tmp_path / "mornings")
    gathered.note(a_morning(1))
    gathered.judge()
    monkeypatch.setattr(coverage, "MORNINGS_MIN", 2)
    gathered.note(a_morning(2))
    with pytest.raises(AssertionError, match="none of 2 mornings shows"):
        gathered.judge()
