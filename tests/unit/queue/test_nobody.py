"""Nobody can come (Q6): callers get the action at once; callbacks already promised stand."""

import pytest

from contracts import gateway, queue, telephony
from contracts.directory import ActionKind, NoAnswerAction
from contracts.gateway import DeviceState, Outcome
from contracts.ids import DepartmentId, Instant
from contracts.message import Interval
from contracts.queue import DivertReason
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    MOSCOW,
    NINE,
    SALES,
    SECOND,
    SERVICE_DESK,
    SERVICE_LINE,
    action,
    an_office,
    silence,
)


@pytest.mark.rule("Q6")
@pytest.mark.parametrize("why", ["none", "suspended", "absent", "out_of_hours", "removed"])
def test_a_caller_for_whom_nobody_can_come_gets_the_action_at_once(why: str) -> None:
    """The caller does not wait ten minutes in vain; the notice is played first."""
    office = an_office(ANNA)
    match why:
        case "none":
            office.saves(office.department())
        case "suspended":
            office.saves(office.department(ANNA, suspended=(ANNA,)))
        case "absent":
            office.saves(office.hours(ANNA, absences=(Interval(from_at=NINE),)))
        case "out_of_hours":
            office.saves(office.hours(ANNA, hours=()))
        case _:
            office.saves(office.agent(ANNA, is_removed=True))
    office.calls("c1")
    assert office.last(queue.NoAnswerReached).play_id is not None
    diverted = office.last(queue.PlaceDiverted)
    assert (diverted.reason, diverted.action) == (DivertReason.NOBODY_CAN_COME, ActionKind.VOICEMAIL)


@pytest.mark.rule("Q6", "O5")
def test_the_last_agent_suspended_while_customers_wait() -> None:
    """EC-11: offers stop, callers get the action at once, and a callback stays until its deadline."""
    office = an_office(ANNA, BORIS)
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.saves(office.hours(BORIS, hours=()))
    for number, name in enumerate(("c1", "c2", "c3")):
        office.calls(name, caller=f"+7912345670{number}")
    office.orders("c2", number="+79123456701")
    deadline_at = office.place("c2").deadline_at
    office.saves(office.department(ANNA, BORIS, suspended=(ANNA,)))
    assert [fact.place_id for fact in office.said(queue.PlaceDiverted)] == ["p.c1", "p.c3"]
    office.waits_until(deadline_at)
    assert office.last(queue.DeadlinePassed).place_id == "p.c2"


@pytest.mark.rule("Q6", "O5")
def test_the_last_agent_suspended_while_the_phone_rings() -> None:
    """The ring is withdrawn, and then nobody can come: the caller does not wait for the deadline."""
    office = an_office(ANNA)
    office.calls("c1")
    office.saves(office.department(ANNA, suspended=(ANNA,)))
    assert office.end_of(ANNA) is queue.OfferWithdrawn
    assert office.last(queue.PlaceDiverted).reason is DivertReason.NOBODY_CAN_COME


@pytest.mark.rule("Q6", "E5")
def test_the_last_ones_hours_end_while_customers_wait() -> None:
    """EC-11: the end of working hours has the same effect."""
    office = an_office(ANNA)
    office.saves(office.hours(ANNA, hours=(Interval(from_at=NINE, until_at=Instant(NINE + 5 * MINUTE)),)))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls("c1")
    office.waits(5 * MINUTE - 1)
    assert office.waits_for("c1")
    office.waits(1)
    assert office.last(queue.PlaceDiverted).reason is DivertReason.NOBODY_CAN_COME
    notice = office.last(telephony.Play)
    assert [key.rpartition("/")[2] for key in notice.media] == ["closed_hours.wav"], "and says why"


@pytest.mark.rule("Q6", "E6")
def test_an_absence_that_begins_while_the_phone_rings() -> None:
    """EC-12: the phone rings to its end; then nobody can come."""
    office = an_office(ANNA)
    office.saves(office.hours(ANNA, absences=(Interval(from_at=Instant(NINE + 10 * SECOND)),)))
    office.calls("c1")
    office.waits(19 * SECOND)
    assert office.ringing("c1") == [ANNA]
    office.waits(SECOND)
    assert office.end_of(ANNA) is queue.OfferMissed
    assert office.last(queue.PlaceDiverted).reason is DivertReason.NOBODY_CAN_COME


@pytest.mark.rule("Q6", "E6")
def test_a_call_already_answered_is_untouched_by_an_absence() -> None:
    """EC-12: an absence that begins at midnight ends no call."""
    office = an_office(ANNA)
    office.saves(office.hours(ANNA, absences=(Interval(from_at=Instant(NINE + MINUTE)),)))
    office.calls("c1")
    office.answers(ANNA)
    said = len(office.commands)
    office.waits(5 * MINUTE)
    assert office.commands[said:] == []
    assert office.state.activity(ANNA).leg_id is not None


@pytest.mark.rule("Q6")
def test_busy_and_unreachable_agents_may_come_back() -> None:
    """The place waits for them until its deadline."""
    office = an_office(ANNA, BORIS)
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.phone_is(BORIS, DeviceState.UNREACHABLE)
    office.calls("c1")
    office.waits(5 * MINUTE)
    assert office.waits_for("c1")
    office.phone_is(BORIS, DeviceState.REACHABLE)
    assert office.ringing("c1") == [BORIS]


@pytest.mark.rule("Q6")
def test_a_long_queue_that_nobody_will_serve_ends_in_several_steps() -> None:
    """Every caller gets the action, in order, although one step has a limit."""
    office = an_office(ANNA, no_answer_action=action("hang_up", notice=silence()), auto=False)
    office.phone_is(ANNA, DeviceState.IN_USE)
    names = [f"c{n:03}" for n in range(450)]
    office.watch.is_looking = False  # 450 × 450 checks take too long
    for name in names:
        office.calls(name)
        office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=office.place(name).leg_id or ""))  # type: ignore[arg-type]
    decision = office.saves(office.department(ANNA, suspended=(ANNA,)))
    assert len([fact for fact in decision.facts if isinstance(fact, queue.PlaceDiverted)]) <= 50
    office.waits(0)
    assert [fact.place_id for fact in office.said(queue.PlaceDiverted)] == [f"p.{name}" for name in names]
    assert "nobody/rest" not in office.state.timers


@pytest.mark.rule("Q6")
def test_departments_that_close_together_and_pass_to_each_other_fit_into_steps() -> None:
    """Two departments close without notices: every caller reaches voicemail, and no step is too long."""
    office = an_office(ANNA, no_answer_action=passes_to(SERVICE_DESK))
    office.saves(office.department(ANNA, department_id=SERVICE_DESK, no_answer_action=passes_to(SALES)))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.watch.is_looking = False
    for n in range(150):
        office.calls(f"a{n:03}", caller=None)
        office.calls(f"b{n:03}", caller=None, line=SERVICE_LINE)
    office.saves(office.hours(ANNA, hours=()))
    office.waits(0)
    last = [fact for fact in office.said(queue.PlaceDiverted) if fact.action is ActionKind.VOICEMAIL]
    assert len(last) == 300
    assert list(office.state.places) == []


def passes_to(department_id: DepartmentId) -> NoAnswerAction:
    """An action that passes callers to this department without a notice."""
    return action("other_department", department_id=department_id, notice=silence())


@pytest.mark.rule("Q6", "Q9")
def test_an_agent_who_drops_before_the_bridge_and_was_the_last() -> None:
    """The agent is suspended while answering: nobody is left for the place."""
    office = an_office(ANNA, auto=False)
    office.calls("c1")
    office.hears(office.replies(office.commands[0])[0])
    office.answers(ANNA)
    office.saves(office.department(ANNA, suspended=(ANNA,)))
    office.finishes(ANNA)
    assert office.last(queue.OfferReopened).agent_id == ANNA
    assert office.last(queue.NoAnswerReached).reason is DivertReason.NOBODY_CAN_COME


@pytest.mark.rule("Q6")
def test_a_removed_department_sends_its_callers_to_its_action() -> None:
    """No caller is left in a queue that no longer exists."""
    office = an_office(ANNA, BORIS)
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.calls("c1")
    office.saves(office.department(ANNA, BORIS, is_removed=True))
    assert office.end_of(ANNA) is queue.OfferWithdrawn
    assert office.last(queue.PlaceDiverted).department_id == SALES
    office.calls("c2")
    assert not office.waits_for("c2"), "the line leads nowhere now"


@pytest.mark.rule("Q6")
def test_a_whole_queue_passes_on_to_a_department_where_somebody_is() -> None:
    """The other department is still open."""
    office = an_office(
        ANNA, no_answer_action=action("other_department", department_id=SERVICE_DESK, notice=silence())
    )
    office.saves(office.agent(BORIS), office.department(BORIS, department_id=SERVICE_DESK))
    office.phone_is(ANNA, DeviceState.IN_USE)
    for name in ("c1", "c2", "c3"):
        office.calls(name)
    office.saves(office.department(ANNA, suspended=(ANNA,)))
    order = [rank[2] for rank in office.state.order[SERVICE_DESK]]
    assert len(office.said(queue.PlaceTaken)) == 6
    assert order[0].startswith("p.")
    assert office.offer_to(BORIS).place_id == order[0]


@pytest.mark.rule("Q6")
def test_an_unreachable_last_agent_can_still_come() -> None:
    """A busy phone must not send callers away."""
    office = an_office(ANNA)
    office.calls("c1")
    office.phone_ends(ANNA, Outcome.BUSY)
    assert office.waits_for("c1")
    assert not office.said(queue.NoAnswerReached)
