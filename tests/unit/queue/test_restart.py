"""Q12: a new owner has only the records, and decides as the previous owner would have."""

import pytest

from contracts import gateway, queue
from contracts.gateway import DeviceState, Outcome
from contracts.ids import Instant
from contracts.log import TimerDue
from contracts.message import Interval
from runtime.decision import follow, step
from services.queue.service import SERVICE
from services.queue.state import QueueState
from tests.unit.queue.checks import snapshot
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    MOSCOW,
    NINE,
    SALES,
    SECOND,
    VERA,
    Office,
    an_office,
    by,
    mobile,
)


def a_morning(office: Office) -> None:
    """A mixed state: callers, an order, a ringing phone, a call."""
    office.saves(office.agent(VERA, mobile()))
    office.calls("c1")
    office.answers(ANNA)
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.calls("c2", caller="+79123456780")
    office.declines(VERA)
    office.calls("c3", caller="+79123456781")
    office.orders("c3", number="+79123456781")
    office.waits(5 * SECOND)


@pytest.mark.rule("Q12")
def test_a_restart_loses_no_place_changes_no_order_and_makes_no_second_offer() -> None:
    """The state of the new owner is that of the old one, indexes included."""
    office = an_office(ANNA, BORIS, VERA)
    a_morning(office)
    before, offers = snapshot(office.state), len(office.said(queue.OfferMade))
    office.restarts()
    assert snapshot(office.state) == before
    assert [rank[2] for rank in office.state.order[SALES]] == ["p.c2", "p.c3"]
    office.waits(0)
    assert len(office.said(queue.OfferMade)) == offers


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("strategy", ["ring_all", "longest_idle", "linear", "cumulative"])
def test_a_restart_in_mid_traffic_changes_no_decision(strategy: str) -> None:
    """Two offices, one of which restarts after every fact, say exactly the same."""
    told = []
    for restarts in (False, True):
        office = an_office(ANNA, BORIS, VERA, strategy=by(strategy), wrap_up_ms=SECOND)
        hears = office.hears
        if restarts:

            def and_restart(*facts: object, office: Office = office, hears=hears, **more: int) -> object:  # type: ignore[no-untyped-def]  # wraps what it is given
                decision = hears(*facts, **more)
                office.restarts()
                return decision

            office.hears = and_restart  # type: ignore[method-assign, assignment]  # restarts itself
        a_morning(office)
        office.finishes(ANNA)
        office.waits(3 * MINUTE)
        office.phone_is(BORIS, DeviceState.IDLE)
        office.waits(15 * MINUTE)
        told.append((office.facts, office.commands))
    assert told[0] == told[1]
    assert told[0][0]


@pytest.mark.rule("Q12", "Q2")
def test_a_restart_gives_the_same_reasons_for_skipped_agents() -> None:
    """Own facts are compared by content: another reason after a restart would park the organization."""
    told = []
    for restarts in (False, True):
        office = an_office(ANNA, BORIS)
        office.saves(office.hours(BORIS, absences=(Interval(from_at=NINE),)))
        office.waits(MINUTE)
        if restarts:
            office.restarts()
        office.calls("c1")
        told.append(office.last(queue.OfferMade))
    assert told[0] == told[1]
    assert told[0].skipped[0].reason is queue.SkipReason.ABSENT


@pytest.mark.rule("Q12")
def test_a_log_that_holds_the_decisions_is_followed_to_the_same_state() -> None:
    """At a claim the log wins: its facts are applied instead of deciding."""
    decided, followed = QueueState(), QueueState()
    office = an_office(ANNA, BORIS)
    heard: list[tuple[object, int]] = []
    original = office.step

    def recorded(fact: object) -> object:
        heard.append((fact, office.at))
        return original(fact)  # type: ignore[arg-type]  # a fact it is

    book = [*_book(office)]
    office.step = recorded  # type: ignore[method-assign, assignment]  # the test records the facts
    office.calls("c1")
    office.waits(30 * SECOND)
    office.answers(ANNA)
    office.hangs_up("c1")
    office.waits(MINUTE)
    for number, (fact, at) in enumerate([*((fact, NINE) for fact in book), *heard]):
        cause = f"f{number}"
        said = step(SERVICE, decided, fact, at=at, cause=cause)  # type: ignore[arg-type]  # facts they are
        follow(SERVICE, followed, fact, said.facts, at=at, cause=cause)  # type: ignore[arg-type]
    assert snapshot(decided) == snapshot(followed)
    assert decided.settled == followed.settled


def _book(office: Office) -> list[object]:
    state = office.state
    return [
        *(each.saved for each in state.organizations),
        *(each.saved for each in state.pbxs),
        *(each.saved for each in state.agents),
        *(each.saved for each in state.departments),
    ]


@pytest.mark.rule("Q12")
def test_a_timer_that_comes_twice_or_late_does_its_work_once() -> None:
    """The host repeats a timer until the state has dropped it."""
    office = an_office(ANNA)
    office.calls("c1")
    ring = office.state.timers[f"ring/{office.offer_to(ANNA).offer_id}"]
    due = TimerDue(
        service="queue", timer_id=ring.timer_id, due_at=ring.due_at, kind=ring.kind, subject=ring.subject
    )
    office.hears(due)
    assert office.has_offer(ANNA), "too early on the log"
    office.hears(due, after_ms=20 * SECOND)
    office.hears(due)
    assert len(office.said(queue.OfferMissed)) == 1


@pytest.mark.rule("Q12", "Q9")
def test_an_answer_on_the_log_beats_a_timeout_that_is_not() -> None:
    """The deadline came while no process was running; the answer came first on the log."""
    office = an_office(ANNA)
    office.calls("c1")
    office.at = Instant(NINE + 30 * MINUTE)
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=office.offer_to(ANNA).legs[0].leg_id))
    assert office.said(queue.PlaceConnected)
    office.waits(0)
    assert not office.said(queue.NoAnswerReached)
    office.hears(office.leg_ended(office.said(queue.PlaceConnected)[0].leg_id, Outcome.COMPLETED))
