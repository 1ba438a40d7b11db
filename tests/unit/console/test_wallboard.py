"""What the wallboard says of the present."""

from typing import Any

import pytest
from msgspec import structs

from services.console.activities.history import events
from services.console.rules.present import Present
from services.console.rules.wallboard import Board, Urgency, Why, board
from services.console.state.live import (
    Agent,
    Callback,
    Changes,
    Decline,
    Department,
    Live,
    Pbx,
    Place,
    Removed,
    Ringing,
    Seat,
)

NOW = 1_000_000_000
MINUTE = 60_000


def department(name: str = "Sales", **agents: int) -> Department:
    return Department(department_id=name.lower(), name=name, pbx_name="Moscow", agents=agents)


def place(name: str, *, waited: int = 1, of: int = 10, rank: int | None = 0, **values: Any) -> Place:
    """A place, waiting for some minutes of those that it has."""
    fields: dict[str, Any] = {
        "place_id": name,
        "contact_id": name,
        "department_id": "sales",
        "rank": None if rank is None else (rank, 0, name),
        "number": "+79165550001",
        "caller": "",
        "held": "line",
        "phase": "waiting",
        "joined_at": NOW - waited * MINUTE,
        "deadline_at": NOW + (of - waited) * MINUTE,
        "held_until_at": None,
        "callback_id": None,
        "agent": "",
        "ringing": (),
        "declined": (),
    }
    return Place(**fields | values)


def agent(name: str, state: str = "free", since_at: int = NOW, not_offered: str | None = None) -> Agent:
    seat = Seat(department_id="sales", label=name, is_suspended=False)
    return Agent(
        agent_id=name,
        seats=(seat,),
        state=state,
        since_at=since_at,
        until_at=None,
        not_offered=not_offered,
        pause=None,
    )


def live(
    *places: Place,
    departments: tuple[Department, ...] = (department(),),
    agents: tuple[Agent, ...] = (),
    callbacks: tuple[Callback, ...] = (),
    pbxs: tuple[Pbx, ...] = (),
) -> Live:
    return Live(at=NOW, departments=departments, places=places, callbacks=callbacks, agents=agents, pbxs=pbxs)


def shown(*places: Place, **of: Any) -> Board:
    return board(Present(live(*places, **of)), NOW)


def whys(found: Board) -> list[Why]:
    return [each.why for each in found.departments[0].places]


def test_places_stand_in_the_queues_order_and_each_says_why_it_waits() -> None:
    """The first is the queue's to say, whatever the joining times (C7)."""
    rung = Ringing(label="Anna", since_at=NOW - 4_000)
    found = shown(
        place("third", rank=3),
        place("first", rank=1, ringing=(rung,)),
        place("second", rank=2, held_until_at=NOW + 30_000),
        place("gone", rank=None, phase="expired"),
    )
    [sales] = found.departments
    assert [(each.place.place_id, each.position) for each in sales.places] == [
        ("first", 1),
        ("second", 2),
        ("third", 3),
        ("gone", None),
    ]
    assert whys(found) == [Why.RINGING, Why.HELD, Why.BEHIND, Why.EXPIRED]
    assert (sales.waiting, found.places) == (3, 4)


@pytest.mark.parametrize(("free", "why"), [(0, Why.NOBODY_FREE), (1, Why.NEXT)])
def test_the_first_place_waits_for_an_agent_to_be_free(free: int, why: Why) -> None:
    assert whys(shown(place("p"), departments=(department(free=free),))) == [why]


@pytest.mark.parametrize(
    ("waited", "free", "urgency"),
    [
        (7, 0, Urgency.FINE),
        (8, 0, Urgency.SOON),
        (9, 1, Urgency.SOON),
        (9, 0, Urgency.LATE),
        (10, 1, Urgency.LATE),
    ],
)
def test_a_deadline_is_soon_at_a_quarter_and_late_when_nobody_can_keep_it(
    waited: int, free: int, urgency: Urgency
) -> None:
    found = shown(place("p", waited=waited), departments=(department(free=free),))
    assert found.departments[0].urgency is found.departments[0].places[0].urgency is urgency


def test_the_alert_names_the_latest_place_and_who_is_on_pause_longest() -> None:
    """One alert: the place whose deadline comes first, of all departments."""
    service = department("Service")
    found = shown(
        place("p", waited=9, rank=1),
        place("q", waited=10, department_id="service"),
        departments=(department(), service),
        agents=(agent("Vera", "paused", NOW - 5), agent("Anna", "paused", NOW - 9), agent("Boris")),
    )
    assert found.alert is not None
    assert (found.alert.department.department.name, found.alert.paused_longest) == ("Service", None)
    found = shown(
        place("p", waited=9), agents=(agent("Vera", "paused", NOW - 5), agent("Anna", "paused", NOW - 9))
    )
    assert found.alert is not None
    assert found.alert.paused_longest is not None
    assert found.alert.paused_longest.label == "Anna"
    ringing = place("p", waited=9, ringing=(Ringing(label="Anna", since_at=NOW),))
    assert shown(ringing).alert is None, "somebody is being rung for it"


def test_a_card_counts_agents_in_a_fixed_order_and_names_the_next_deadline_of_a_callback() -> None:
    callback = Callback(
        callback_id="c",
        contact_id="in.c",
        department_id="sales",
        number="+79165550001",
        origin="queue",
        ordered_at=NOW,
        joined_at=NOW,
        deadline_at=NOW,
        next_attempt_at=None,
        last="ordered",
        last_agent="",
        last_reason="",
        tried=(),
    )
    [sales] = shown(
        place("p", rank=1),
        place("q", rank=2, waited=3, callback_id="c", held="callback"),
        callbacks=(callback,),
        departments=(department(talking=2, free=1),),
    ).departments
    assert sales.tally == (
        ("free", 1),
        ("ringing", 0),
        ("talking", 2),
        ("wrap_up", 0),
        ("paused", 0),
        ("away", 0),
    )
    assert sales.oldest is not None
    assert sales.due is not None
    assert (sales.oldest.place_id, sales.due.place.place_id, sales.callbacks) == ("q", "q", 1)


def test_the_bar_has_a_part_for_each_state_that_somebody_is_in() -> None:
    """Side by side, and full: whoever sees no numbers sees how many are free."""
    [sales] = shown(departments=(department(free=1, talking=2, paused=1),)).departments
    assert [(each.state, each.begins, each.width) for each in sales.bar] == [
        ("free", 0.0, 25.0),
        ("talking", 25.0, 50.0),
        ("paused", 75.0, 25.0),
    ]
    assert shown(departments=(department(),)).departments[0].bar == ()


def test_a_place_names_the_agents_who_did_not_take_it() -> None:
    """Once each, and nobody who has no seat there any more."""
    declined = tuple(Decline(agent_id=each) for each in ("Anna", "gone", "Anna"))
    [place_shown] = shown(place("p", declined=declined), agents=(agent("Anna"),)).departments[0].places
    assert place_shown.declined == ("Anna",)


def test_time_alone_turns_how_a_deadline_stands() -> None:
    """Without a fact: the page is drawn anew when a place becomes late, and not when only clocks run."""
    present = Present(live(place("p", waited=8, of=10)))
    assert board(present, NOW).turns == board(present, NOW + 1_000).turns
    assert board(present, NOW).turns != board(present, NOW + 70_000).turns


def test_changes_replace_rows_add_rows_and_drop_rows() -> None:
    """What is shown after them is what a snapshot of that moment would show."""
    present = Present(live(place("p"), place("q", rank=1), agents=(agent("Anna"),)))
    changed = structs.replace(place("q", rank=1), phase="accepted", agent="Anna")
    new = place("r", rank=2)
    away = Pbx(pbx_id="volga", name="Volga", is_away=True, since_at=NOW)
    present.change(
        Changes(
            at=NOW + 1,
            departments=(department(free=0, talking=1),),
            places=(changed, new),
            callbacks=(),
            agents=(agent("Anna", "talking"),),
            pbxs=(away,),
            removed=Removed(places=("p",)),
        )
    )
    whole = live(
        changed,
        new,
        departments=(department(free=0, talking=1),),
        agents=(agent("Anna", "talking"),),
        pbxs=(away,),
    )
    assert present.at == NOW + 1
    assert board(present, NOW) == board(Present(whole), NOW)
    assert board(present, NOW).away == (("Volga", NOW),)


async def test_events_are_read_as_they_come_and_signs_of_life_are_none() -> None:
    async def lines() -> Any:
        for line in (
            "retry: 5",
            "",
            ": still here",
            "",
            "id: 7",
            "event: changes",
            "data: {",
            "data: }",
            "",
            "data: x",
            "",
        ):
            yield line

    assert [each async for each in events(lines())] == [("changes", "{\n}"), ("", "x")]
