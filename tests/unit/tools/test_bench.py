"""The report of the figures: its contents, and that «reached» is computed."""

import json
from pathlib import Path

import pytest

from contracts import codec
from contracts.gateway import CallArrived
from devtools.bench import office, report, run
from devtools.bench.figures import Figure, at_most, percentile, ratio_at_least, ratio_at_most
from devtools.bench.machine import Machine, described
from devtools.bench.recorded import Recorded, copies
from devtools.bench.report import Report
from runtime.ports import LogRecord
from services.history.rules.deduplication import accepts

HERE = Machine(
    processor="A processor",
    cores=2,
    memory_gib=7.8,
    system="Linux 6.1",
    python="3.11.7",
    load=0.1,
    commit="0123456789ab",
    at="2026-11-22 08:00 UTC",
)
SLOW = Figure(
    name="restart",
    unit="s",
    measured=3.5,
    goal=at_most(3),
    how="kill -9",
    bound_by="decoding takes long",
)
FAST = Figure(
    name="host", unit="facts/s", measured=8000, baseline=1000, against="a tutorial", goal=ratio_at_least(8)
)
SHOWN = Figure(name="core", unit="facts/s", measured=12_345.6)


def told(*figures: Figure, failures: tuple[tuple[str, str], ...] = ()) -> Report:
    return Report(machine=HERE, figures=figures, failures=failures, seconds=600)


@pytest.mark.parametrize(
    ("measured", "baseline", "goal", "reached"),
    [
        (1.5, 1.0, ratio_at_most(1.5), True),
        (1.51, 1.0, ratio_at_most(1.5), False),
        (8.0, 1.0, ratio_at_least(8), True),
        (7.99, 1.0, ratio_at_least(8), False),
        (20.0, None, at_most(20), True),
        (20.1, None, at_most(20), False),
    ],
)
def test_reached_is_computed_from_the_numbers(
    measured: float, baseline: float | None, goal: object, reached: bool
) -> None:
    """«Reached» follows from a figure's numbers alone, and the limit itself counts."""
    figure = Figure(name="x", unit="", measured=measured, baseline=baseline, goal=goal)  # type: ignore[arg-type]
    assert figure.reached is reached


def test_without_a_goal_or_a_baseline_nothing_is_reached() -> None:
    """A figure that is only printed is neither reached nor missed, nor is a ratio to nothing."""
    assert SHOWN.reached is None
    assert Figure(name="x", unit="", measured=1.0, goal=ratio_at_most(2)).reached is None
    assert Figure(name="x", unit="", measured=1.0, baseline=0.0, goal=ratio_at_most(2)).reached is None


def test_the_json_has_the_fields_that_others_read() -> None:
    """Name, measured, baseline, ratio, goal, reached: programs that plot figures need these fields."""
    figures = json.loads(report.as_json(told(SLOW, FAST, SHOWN)))["figures"]
    assert [figure["name"] for figure in figures] == ["restart", "host", "core"]
    wanted = {"name", "measured", "baseline", "ratio", "goal", "reached"}
    assert all(wanted <= figure.keys() for figure in figures)
    assert [figure["reached"] for figure in figures] == [False, True, None]
    assert figures[1]["ratio"] == figures[1]["measured"] / figures[1]["baseline"] == 8
    assert [figure["goal"] for figure in figures] == ["measured ≤ 3", "ratio ≥ 8", None]


def test_the_page_names_machine_commit_and_how_to_repeat() -> None:
    """A figure must be repeatable."""
    page = report.as_markdown(told(SLOW, FAST, SHOWN))
    assert "A processor, 2 cores" in page
    assert "0123456789ab" in page
    assert "make bench" in page
    assert "1 of 2 goals are reached" in page
    assert "| host | 8,000 facts/s | 1,000 facts/s | 8 | ratio ≥ 8 | reached |" in page


def test_a_missed_figure_comes_with_its_reason() -> None:
    """Also one that could not be measured: a gap in the table would look like success."""
    page = report.as_markdown(told(SLOW, FAST, failures=(("speech", "TooSlow: no answer"),)))
    missed = page.partition("## Missed, and why")[2].partition("## How")[0]
    assert "**restart**: 3.5 s, wanted measured ≤ 3. decoding takes long." in missed
    assert "**speech** could not be measured: TooSlow: no answer" in missed
    assert "host" not in missed


def test_both_files_are_written(tmp_path: Path) -> None:
    """The page and the JSON are from the same run."""
    report.write(told(FAST), tmp_path)
    assert "**" not in (tmp_path / "benchmarks.md").read_text(encoding="utf-8").partition("## How")[0]
    assert json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))["not_measured"] == []


def test_every_row_of_the_proof_has_its_group() -> None:
    """Only figures that `make bench` measures are promised."""
    rows = (
        "core simulation growth host latency hand-over cost restart memory voicemail speech history live "
        "fairness phones whole-call replicas organizations"
    )
    assert set(run.GROUPS) == set(rows.split())


def test_a_percentile_is_a_value_that_was_measured() -> None:
    """Interpolation would invent latencies."""
    values = [5.0, 1.0, 9.0, 3.0]
    assert percentile(values, 0.5) in values
    assert (percentile(values, 0.0), percentile(values, 1.0)) == (1.0, 9.0)


def test_the_machine_is_described_without_names_of_people_or_paths() -> None:
    """The page is public: processor and system are enough to judge a figure by."""
    found = described()
    assert found.cores >= 1
    assert "/" not in found.commit + found.system + found.python


def test_a_parts_figures_are_put_among_those_of_the_last_whole_run(tmp_path: Path) -> None:
    """Everything else stays as it was measured, and what is new says that it is of another run."""
    report.write(told(SLOW, FAST), tmp_path)
    again = Figure(
        name="host", unit="facts/s", measured=9000, baseline=1000, goal=ratio_at_least(8), how="again"
    )
    phones = Figure(name="phones", unit="ms", measured=40, goal=at_most(50), how="from BYE to INVITE")

    report.write(told(again, phones), tmp_path, is_part=True)

    page = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    figures = json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))["figures"]
    assert [(each["name"], each["measured"]) for each in figures] == [
        ("restart", 3.5),
        ("host", 9000),
        ("phones", 40),
    ]
    assert "2 of 3 goals are reached" in page
    assert "**restart**: 3.5 s, wanted measured ≤ 3. decoding takes long." in page
    assert "from BYE to INVITE. Measured in a run of its own: 2026-11-22 08:00 UTC" in page


def test_a_copied_call_is_another_call_for_whoever_reads_the_log() -> None:
    """Its legs and its caller are others, and no reader takes its facts for repeats."""
    gateway, leg_id = office.Gateway(), office.caller_leg(7)
    arrived, reached = office.call(leg_id, "+79120000007")
    said = (
        gateway.record(arrived),
        office.record(reached, office.VOLGA, source="routing", id_=leg_id, seq=5),
    )
    facts = tuple(LogRecord(0, at, 0, each.headers, each.value) for at, each in enumerate(said))

    made = [each for copy in copies(Recorded(calls=1, facts=facts), 2) for each in copy]

    heard: dict[str, tuple[int, int]] = {}
    assert all(accepts(heard, codec.envelope(each.headers), at) for at, each in enumerate(made))
    told = [codec.decode(codec.envelope(each.headers).type, each.value) for each in made]
    calls = [(each.leg_id, each.caller) for each in told if isinstance(each, CallArrived)]
    assert calls == [("kazan.c0-7", "+71000000007"), ("kazan.c1-7", "+71010000007")]
