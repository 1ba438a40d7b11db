"""Counts add up: sums of cells are the figures that a plain look at the rows gives (H6)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import AgentId, DepartmentId, Instant
from services.history.rules import figure_counts, statistics
from services.history.rules.figure_cells import CALLBACKS, CELL_MS, PLACES, TRIES, CellChanges
from services.history.rules.figure_counts import BY_OTHER_CALL, STEPS_S
from services.history.rules.period import Period, midnight
from services.history.rules.statistics import Counts
from services.history.state import CallbackEnd, PlaceEnd, TryEnd, TryKind

SALES = DepartmentId("sales")
MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

waits = st.one_of(st.integers(0, 130_000), st.integers(0, 8 * DAY_MS))
places = st.lists(st.tuples(st.sampled_from([*PlaceEnd, None]), waits), max_size=40)
reached = st.sampled_from([None, Instant(5)])
callbacks = st.lists(
    st.tuples(reached, reached, reached, st.sampled_from([*CallbackEnd, BY_OTHER_CALL, None])), max_size=20
)
tries = st.lists(
    st.tuples(st.sampled_from(list(TryKind)), st.sampled_from([*TryEnd, None]), st.one_of(st.none(), waits)),
    max_size=20,
)


def at(text: str, zone: ZoneInfo) -> Instant:
    return Instant(round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000))


def nearest_rank(values: Sequence[int], percent: int) -> int | None:
    """The plain definition: the smallest value that so many percent of all do not exceed."""
    return sorted(values)[-(-len(values) * percent // 100) - 1] if values else None


def step_of(value_ms: int) -> int:
    """The step in which a wait lies, as the formulas describe it."""
    return next(each for each in STEPS_S if each * 1000 >= value_ms or each == STEPS_S[-1]) * 1000


@pytest.mark.rule("H6")
@pytest.mark.rule("H6")
def test_every_service_level_that_a_card_can_have_is_counted_exactly() -> None:
    """`ServiceLevel` of the directory: whole seconds up to a minute."""
    assert set(range(1, 61)) <= set(STEPS_S)


@given(places, st.sampled_from(STEPS_S))
def test_figures_of_calls_are_those_of_a_plain_look_at_the_rows(
    rows: list[tuple[PlaceEnd | None, int]], soon_s: int
) -> None:
    number = sum(figure_counts.of_place(end, waited_ms) for end, waited_ms in rows)
    found = statistics.period(
        Counts(places={SALES: number}), since_at=Instant(0), until_at=Instant(1), service_level_s=soon_s
    ).total
    listed = [(end, waited_ms) for end, waited_ms in rows if end is not PlaceEnd.CONTINUED]
    ended = [waited_ms for end, waited_ms in listed if end is not None]
    answered = [waited_ms for end, waited_ms in listed if end is PlaceEnd.CONNECTED]
    abandoned = [waited_ms for end, waited_ms in listed if end is PlaceEnd.ABANDONED]
    assert (found.offered, found.answered, found.abandoned) == (len(listed), len(answered), len(abandoned))
    assert found.open == len(listed) - len(ended)
    assert found.missed == len(ended) - len(answered) - len(abandoned)
    assert found.wait_ms_average == (round(sum(ended) / len(ended)) if ended else None)
    counted = len(ended) - sum(each <= soon_s * 1000 for each in abandoned)
    in_time = sum(each <= soon_s * 1000 for each in answered)
    longest = STEPS_S[-1]
    if soon_s < longest:  # Whatever waited longer than the last step is counted in it.
        assert found.service_level_percent == (round(100 * in_time / counted, 1) if counted else None)
    for percent, told in ((50, found.wait_ms_median), (90, found.wait_ms_p90), (95, found.wait_ms_p95)):
        exact = nearest_rank(ended, percent)
        assert told == (None if exact is None else step_of(exact))


@pytest.mark.rule("H6")
@given(callbacks)
def test_a_funnel_is_that_of_a_plain_look_at_the_rows(
    rows: list[tuple[Instant | None, Instant | None, Instant | None, str | None]],
) -> None:
    found = figure_counts.funnel(sum(figure_counts.of_callback(*row) for row in rows))
    assert found.ordered == len(rows)
    steps = [sum(row[index] is not None for row in rows) for index in range(3)]
    assert [found.agent, found.dialled, found.reached] == steps
    ends = [row[3] for row in rows]
    for end in CallbackEnd:
        assert getattr(found, end) == ends.count(end)
    assert (found.open, found.by_other_call) == (ends.count(None), ends.count(BY_OTHER_CALL))


@pytest.mark.rule("H6")
@given(tries)
def test_an_employee_s_figures_are_those_of_a_plain_look_at_the_rows(
    rows: list[tuple[TryKind, TryEnd | None, int | None]],
) -> None:
    anna = AgentId("anna")
    number = sum(figure_counts.of_try(*row) for row in rows)
    mine = [(end, rang_ms) for kind, end, rang_ms in rows if kind is not TryKind.EXTERNAL]
    found = statistics.employees({anna: number})
    assert len(found) == bool(mine)
    for each in found:
        ends = [end for end, _ in mine]
        known = (TryEnd.ACCEPTED, TryEnd.MISSED, TryEnd.DECLINED, None)
        assert (each.answered, each.missed, each.declined, each.open) == tuple(map(ends.count, known))
        assert each.other == sum(end not in known for end in ends)
        assert each.offered == len(mine)
        took = [rang_ms for end, rang_ms in mine if end is TryEnd.ACCEPTED and rang_ms is not None]
        assert each.answer_ms_average == (round(sum(took) / len(took)) if took else None)
        assert each.share_percent == (100.0 if each.answered else None)


@pytest.mark.rule("H6")
@given(places, places)
def test_what_is_taken_out_again_has_never_counted(
    kept: list[tuple[PlaceEnd | None, int]], gone: list[tuple[PlaceEnd | None, int]]
) -> None:
    """A row that changes is taken out and added anew, in any order."""

    def row(end: PlaceEnd | None, waited_ms: int) -> dict[str, object]:
        return {"joined_at": 7, "department_id": SALES, "end": end, "waited_ms": waited_ms}

    wanted, changes = CellChanges(), CellChanges()
    for each in kept:
        wanted.add(PLACES, row(*each))
        changes.add(PLACES, row(*each))
    for each in gone:
        changes.take(PLACES, row(*each))
    for each in gone:
        changes.add(PLACES, row(*each))
    assert changes.changed() == wanted.changed()


def test_shares_of_employees_add_up_to_all() -> None:
    one = figure_counts.of_try(TryKind.OFFER, TryEnd.ACCEPTED, 1_000)
    missed = figure_counts.of_try(TryKind.OFFER, TryEnd.MISSED, 9_000)
    found = statistics.employees({AgentId("a"): 3 * one, AgentId("b"): one + missed, AgentId("c"): missed})
    assert [each.share_percent for each in found] == [75.0, 25.0, 0.0]


def test_every_zone_s_hours_begin_with_a_cell() -> None:
    """Kathmandu is 5:45 from UTC; no zone that is in use has a finer distance."""
    assert CELL_MS[PLACES] == CELL_MS[CALLBACKS] == 15 * 60_000
    assert CELL_MS[TRIES] % CELL_MS[PLACES] == 0
    assert midnight(datetime(2027, 1, 15, tzinfo=UTC).date(), ZoneInfo("Asia/Kathmandu")) % (15 * 60_000) == 0


@pytest.mark.rule("H6")
def test_an_hour_that_the_clock_shows_twice_is_one_hour_of_its_weekday() -> None:
    """On the last Sunday of October 2026 Berlin has two hours from 2 to 3, and in March none."""
    one = figure_counts.of_place(PlaceEnd.CONNECTED, 1_000)
    midnight_ = at("2026-10-25T00:00", BERLIN)
    autumn = {midnight_ + hour * HOUR_MS: one for hour in range(25)}
    found = statistics.hours(autumn, BERLIN, 20)
    assert [(each.weekday, each.hour, each.offered) for each in found if each.offered > 1] == [(7, 2, 2)]
    assert [each.day for each in statistics.days(autumn, BERLIN, 20)] == ["2026-10-25"]
    spring = {at("2027-03-28T00:00", BERLIN) + hour * HOUR_MS: one for hour in range(23)}
    hours = [each.hour for each in statistics.hours(spring, BERLIN, 20)]
    assert hours == [0, 1, *range(3, 24)]


@pytest.mark.rule("H6")
def test_the_period_before_has_as_many_days_whatever_the_clock_does() -> None:
    week = Period(
        since_at=at("2026-10-25T00:00", BERLIN), until_at=at("2026-11-01T00:00", BERLIN), zone=BERLIN
    )
    assert week.until_at - week.since_at == 7 * DAY_MS + HOUR_MS
    before = week.previous(Instant(week.until_at + 1))
    assert before.since_at == at("2026-10-18T00:00", BERLIN)
    assert before.until_at == week.since_at


@pytest.mark.rule("H6")
def test_a_day_that_goes_on_is_compared_with_as_much_of_the_day_before() -> None:
    """Else every morning would look like a disaster."""
    today = Period(
        since_at=at("2026-11-30T00:00", MOSCOW), until_at=at("2026-12-01T00:00", MOSCOW), zone=MOSCOW
    )
    before = today.previous(at("2026-11-30T11:30", MOSCOW))
    assert (before.since_at, before.until_at) == (
        at("2026-11-29T00:00", MOSCOW),
        at("2026-11-29T11:30", MOSCOW),
    )


def test_a_period_of_instants_is_compared_with_as_long_a_time() -> None:
    period = Period(since_at=Instant(10_000), until_at=Instant(15_000), zone=MOSCOW)
    before = period.previous(Instant(99_000))
    assert (before.since_at, before.until_at) == (5_000, 10_000)
