"""What the page of callbacks says of those that stand, and for whom a right goes how far."""

from typing import Any

import pytest

from services.console.rules.callback_words import end_of, refusal_of
from services.console.rules.callbacks import ROWS_MAX, Standing, reaches, standing
from services.console.rules.present import Present
from services.console.state.live import Callback
from tests.unit.console.test_wallboard import MINUTE, NOW, live, place


def callback(name: str, *, due: int = 10, **values: Any) -> Callback:
    """A callback whose deadline is so many minutes from now."""
    fields: dict[str, Any] = {
        "callback_id": name,
        "contact_id": f"in.{name}",
        "department_id": "sales",
        "number": "+79165550001",
        "origin": "api",
        "ordered_at": NOW,
        "joined_at": NOW,
        "deadline_at": NOW + due * MINUTE,
        "next_attempt_at": None,
        "last": "ordered",
        "last_agent": "",
        "last_reason": "",
        "tried": (),
    }
    return Callback(**fields | values)


def shown(*callbacks: Callback, places: Any = (), **filters: str) -> Standing:
    return standing(Present(live(*places, callbacks=callbacks)), filters)


def names(found: Standing) -> list[str]:
    return [each.callback.callback_id for each in found.rows]


def test_the_nearest_deadline_comes_first_and_its_place_is_the_present_one() -> None:
    """A caller who came before is first; a place that was given more time has a later deadline."""
    found = shown(
        callback("a", due=8),
        callback("b", due=5),
        places=(
            place("caller", rank=1),
            place("p.a", rank=2, waited=6, callback_id="a"),
            place("p.b", rank=3, callback_id="b"),
        ),
    )
    assert names(found) == ["a", "b"]
    assert [each.place and each.place.position for each in found.rows] == [2, 3]
    assert [each.deadline_at for each in found.rows] == [NOW + 4 * MINUTE, NOW + 9 * MINUTE]


def test_a_step_of_the_attempt_says_more_than_the_place() -> None:
    """Who is with the customer is the step's agent, or the one who has taken the place."""
    dialled = callback("a", last="customer_dialled", last_agent="Anna")
    talking = callback("b", last="customer_answered")
    failed = callback("c", last="attempt_failed", last_agent="Anna")
    taken = place("p.b", rank=1, callback_id="b", phase="accepted", agent="Boris")
    found = shown(dialled, talking, failed, places=(taken,))
    of = {each.callback.callback_id: (each.doing, each.agent) for each in found.rows}
    assert of["a"] == ("customer_dialled", "Anna")
    assert of["b"] == ("customer_answered", "Boris")
    assert of["c"][0] == ""


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["a", "b", "c"]),
        ({"department": "service"}, ["b"]),
        ({"origin": "abandoned"}, ["c"]),
        ({"origin": "api,abandoned", "department": "sales"}, ["a", "c"]),
        ({"department": "nowhere"}, []),
    ],
)
def test_filters_leave_out_what_does_not_match(filters: dict[str, str], found: list[str]) -> None:
    all_of_them = (
        callback("a"),
        callback("b", department_id="service"),
        callback("c", origin="abandoned"),
    )
    assert names(shown(*all_of_them, **filters)) == found


def test_of_too_many_those_with_the_nearest_deadlines_are_shown_and_the_others_counted() -> None:
    found = shown(*(callback(f"{number:03}", due=200 - number) for number in range(ROWS_MAX + 3)))
    assert (len(found.rows), found.left_out) == (ROWS_MAX, 3)
    assert names(found)[0] == f"{ROWS_MAX + 2:03}"


def test_a_callback_of_a_department_that_was_removed_is_still_shown() -> None:
    [row] = shown(callback("a", department_id="gone")).rows
    assert (row.department, row.place) == (None, None)


@pytest.mark.rule("P2", "P4")
@pytest.mark.parametrize(
    ("reach", "is_reached"), [("organization", True), ("departments", False), ("own", False), (None, False)]
)
def test_a_right_reaches_own_departments_or_all(reach: str | None, is_reached: bool) -> None:
    rights = {} if reach is None else {"callback.cancel": reach}
    assert reaches(rights, ("sales",), "callback.cancel", "service") is is_reached
    assert reaches(rights, ("sales",), "callback.cancel", "sales") is (
        reach in ("organization", "departments")
    )


def test_what_is_newer_than_this_console_is_shown_as_it_is_called() -> None:
    assert (end_of("paused").word, refusal_of("too_late_today")) == ("paused", "too_late_today")
