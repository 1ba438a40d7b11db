"""What-if: unchanged, the model repeats what happened; with other settings it moves the right way."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.directory import (
    CallbackAsked,
    CallbackCancelAsked,
    CallbackSettings,
    DepartmentSaved,
    NoAnswerAction,
    StrategyKind,
)
from contracts.gateway import (
    CallArrived,
    DeviceChanged,
    DeviceState,
    EndedBy,
    LegAnswered,
    LegEnded,
    LegRequested,
    Outcome,
)
from contracts.ids import Address, AgentId, CallbackId, LegId, PlaceId, TryId
from contracts.message import Fact
from contracts.routing import CallTaken, PersonAnswered, Rule
from ringback import log_stretch, replay
from ringback.replay import figures
from ringback.replay.figures import Run
from ringback.replay.legs import Dialling
from ringback.replay.model import Model, replayed
from ringback.replay.people import People
from ringback.replay.recorded import Recorded, Talk, record
from ringback.replay.settings import NoSuchSetting, changed, parsed
from ringback.replay.uses import Use
from tests.unit.tools.stretches import (
    CLOUD,
    SALES,
    agent,
    answers,
    at,
    book,
    caller,
    log_of,
    office,
    records,
    sales,
    silent,
)

MORNING = [caller(f"k{number}", 10.0 * number, leaves_s=240.0) for number in range(8)]


def count(run: Run, *ends: str) -> int:
    return sum(1 for place in run.places.values() if place.end in ends)


def mean_wait_ms(run: Run) -> float:
    waits = [place.waited_ms or 0 for place in run.places.values() if place.end == "connected"]
    return sum(waits) / len(waits)


def what_if(recorded: Recorded, *settings: str) -> Run:
    saved, _ = changed(recorded.book, [parsed(each) for each in settings])
    return figures.of(replayed(recorded, saved))


def two_agents(**fields: Any) -> Recorded:
    """Never answers first in the list, Quick after three seconds; a minute's talk each."""
    department = sales("never", "quick", **fields)
    phones = {"never": silent(), "quick": answers(3)}
    saved = (agent("never", "201"), agent("quick", "202"), department)
    return record(log_of(office(saved, MORNING, phones, talk_s=15)))


def test_a_log_replayed_as_it_was_is_the_same_to_the_tenth_of_a_second() -> None:
    """Extracting and replaying a log must lose nothing on which the figures depend."""
    first = two_agents()
    before, after = figures.of(first.facts), figures.of(replayed(first))
    assert len(before.places) == 8
    assert [(p.end, round((p.waited_ms or 0) / 100)) for p in before.places.values()] == [
        (p.end, round((p.waited_ms or 0) / 100)) for p in after.places.values()
    ]
    assert figures.differences(before, after) == []


def test_a_replay_is_the_same_every_time() -> None:
    """The model is deterministic: two managers see the same figures."""
    recorded = two_agents()
    assert replayed(recorded) == replayed(recorded)


def test_linear_with_somebody_who_never_answers_first_makes_everybody_wait_longer() -> None:
    """Ring all hides who does not answer; in turn, each call waits for that phone's step first."""
    recorded = two_agents()
    as_it_was = what_if(recorded)
    linear = what_if(recorded, "sales.strategy=linear")
    assert mean_wait_ms(linear) > mean_wait_ms(as_it_was) + 5_000
    assert linear.missed[SALES] > 0


def test_a_shorter_timeout_means_more_callers_whose_deadline_comes() -> None:
    """Five minutes suffice for everybody here, twenty seconds do not."""
    recorded = two_agents()
    assert count(what_if(recorded), "deadline") == 0
    short = what_if(recorded, "sales.no_answer_ms=20000")
    assert count(short, "deadline") > 2
    assert count(short, "connected") < count(what_if(recorded), "connected")


def test_a_longer_timeout_means_fewer_callers_whose_deadline_comes() -> None:
    """And the other way round, from a log on which calls were lost."""
    recorded = two_agents(no_answer_ms=20_000)
    assert count(figures.of(recorded.facts), "deadline") > 2
    assert count(what_if(recorded, "sales.no_answer_ms=600000"), "deadline") == 0


def test_shorter_callbacks_deadlines_expire_and_without_callbacks_nobody_orders() -> None:
    """Orders are those recorded, as long after the invitation as then; without one there is no order."""
    callers = [
        caller("k1", 0),
        caller("k2", 5, orders_s=2, number="+79160000002"),
        caller("k3", 6, orders_s=2, number="+79160000003"),
    ]
    settings = CallbackSettings(invitation_after_ms=10_000)
    saved = (agent("quick", "201"), sales("quick", callback=settings))
    recorded = record(log_of(office(saved, callers, {"quick": answers(3)}, talk_s=40)))
    as_it_was = what_if(recorded)
    assert count(as_it_was, "callback") == 2
    assert count(what_if(recorded, "sales.no_answer_ms=30000"), "expired") == 2
    without = what_if(recorded, "sales.callback.is_on=false")
    assert not any(place.has_ordered for place in without.places.values())


def test_who_abandoned_leaves_at_the_same_moment_unless_answered_before() -> None:
    """Patience is the caller's own: a better queue answers first, a worse one loses the call as before."""
    callers = [caller("k1", 0), caller("k2", 1, leaves_s=30, number="+79160000002")]
    saved = (agent("slow", "201"), sales("slow"))
    recorded = record(log_of(office(saved, callers, {"slow": answers(3)}, talk_s=60)))
    happened = figures.of(recorded.facts)
    assert happened.places[PlaceId("p.k2")].end == "abandoned"
    assert count(what_if(recorded), "abandoned") == 1
    recorded.talks[PlaceId("p.k1")] = Talk(ms=10_000, is_ended_by_agent=True)
    assert count(what_if(recorded), "abandoned") == 0


def test_a_phone_in_use_by_a_call_of_its_own_is_not_rung_then_either() -> None:
    """The agents' own calls are replayed at their times, whatever the settings."""
    phone = (CLOUD, agent("quick", "201").devices[0].address)
    uses = [
        Use(at(-50), phone, is_own_use=False, is_unreachable=False),
        Use(at(5), phone, is_own_use=True, is_unreachable=False),
        Use(at(65), phone, is_own_use=False, is_unreachable=False),
    ]
    made = office(
        (agent("quick", "201"), sales("quick")),
        [caller("k1", 10)],
        {"quick": answers(3)},
        uses=uses,
        told_phones={phone},
    )
    recorded = record(log_of(made))
    assert recorded.told_phones == {phone}
    place = figures.of(replayed(recorded)).places[PlaceId("p.k1")]
    assert place.waited_ms is not None
    assert 55_000 < place.waited_ms < 60_000


def _taken(leg_id: str) -> CallTaken:
    return CallTaken(
        leg_id=LegId(leg_id),
        pbx_id=CLOUD,
        caller="+79160000009",
        line="+74950001003",
        rule=Rule.PERSONAL_NUMBER,
        agent_id=AgentId("quick"),
    )


def test_an_agent_on_a_direct_call_is_offered_nothing_until_it_ends() -> None:
    """Direct calls are not decided anew; who is on one is as busy as then, on a mobile, too."""
    leg_id = LegId("in.direct.t1.0")
    taken = PersonAnswered(
        leg_id=LegId("in.direct"), try_id=TryId("t1"), agent_id=AgentId("quick"), agent_leg_id=leg_id
    )
    over = LegEnded(pbx_id=CLOUD, leg_id=leg_id, outcome=Outcome.COMPLETED, by=EndedBy.PARTY)
    made = office(
        (agent("quick", "201"), sales("quick")),
        [caller("k1", 10)],
        {"quick": answers(3)},
        direct=[(at(4), _taken("in.direct")), (at(5), taken), (at(65), over)],
    )
    recorded = record(log_of(made))
    assert [fact for _, fact in recorded.direct] == [taken, over]
    assert recorded.elsewhere == 1
    place = figures.of(replayed(recorded)).places[PlaceId("p.k1")]
    assert place.waited_ms is not None
    assert 55_000 < place.waited_ms < 60_000


def test_a_phone_of_a_direct_call_is_in_use_by_itself() -> None:
    """Its PBX tells so; only what queue and callback dialled is what the model dials anew."""
    phone = (CLOUD, Address("sip:201"))
    leg_id = LegId("in.direct.t1.0")
    told: list[tuple[int, Fact]] = [
        (at(0), LegRequested(pbx_id=CLOUD, leg_id=leg_id, address=phone[1])),
        (at(5), LegAnswered(pbx_id=CLOUD, leg_id=leg_id)),
        (at(5), DeviceChanged(pbx_id=CLOUD, address=phone[1], state=DeviceState.IN_USE)),
        (at(65), LegEnded(pbx_id=CLOUD, leg_id=leg_id, outcome=Outcome.COMPLETED, by=EndedBy.PARTY)),
        (at(65), DeviceChanged(pbx_id=CLOUD, address=phone[1], state=DeviceState.IDLE)),
    ]
    made = office((agent("quick", "201"), sales("quick")), [caller("k1", 10)], {"quick": answers(3)})
    made.book += told
    recorded = record(log_of(made))
    assert [(use.at, use.is_own_use) for use in recorded.uses] == [(at(5), True), (at(65), False)]


def test_who_hung_up_before_the_queue_heard_of_it_is_no_caller_of_the_model() -> None:
    """Routing handed over what was over already: there was no place."""
    gone = caller("k1", 0).arrived
    told: list[tuple[int, Fact]] = [
        (at(0), CallArrived(pbx_id=CLOUD, leg_id=gone.leg_id, caller=gone.caller, line=gone.line)),
        (at(0), LegEnded(pbx_id=CLOUD, leg_id=gone.leg_id, outcome=Outcome.ABANDONED, by=EndedBy.PARTY)),
        (at(0), gone),
    ]
    made = office((agent("quick", "201"), sales("quick")), [caller("k2", 10)], {"quick": answers(3)})
    made.book += told
    assert [each.arrived.leg_id for each in record(log_of(made)).callers] == ["k2"]


def test_who_was_answered_before_the_department_is_not_answered_again() -> None:
    """A scenario's menu, or an employee's notice, has spoken to them: keys and hang-ups count at once."""
    answered = caller("k2", 1, leaves_s=30, number="+79160000002")
    answered.arrived = msgspec.structs.replace(answered.arrived, is_answered=True)
    answered.answer_ms = None
    made = office((agent("slow", "201"), sales("slow")), [caller("k1", 0), answered], {"slow": answers(3)})
    said = Model(made, made.book).run()
    assert not [each for each in said if each.fact == LegAnswered(pbx_id=CLOUD, leg_id=LegId("k2"))]
    left = [each.fact for each in said if isinstance(each.fact, LegEnded) and each.fact.leg_id == "k2"]
    assert [end.outcome for end in left] == [Outcome.COMPLETED]


def test_orders_by_the_api_are_made_and_cancelled_as_then() -> None:
    """A web form's customers have places, too, and no call of their own."""
    asked = [
        (at(0), CallbackAsked(callback_id=CallbackId(name), department_id=SALES, number=number))
        for name, number in (("w1", "+79160000001"), ("w2", "+79160000002"))
    ]
    cancelled = (at(2), CallbackCancelAsked(callback_id=CallbackId("w2"), by=AgentId("quick")))
    department = sales("quick", callback=CallbackSettings())
    made = office((agent("quick", "201"), department), [], {"quick": answers(3)}, talk_s=15)
    made.book += [*asked, cancelled]
    recorded = record(log_of(made))
    ends = {place.place_id: place.end for place in figures.of(replayed(recorded)).places.values()}
    assert ends == {"p.asked.w1": "callback", "p.asked.w2": "cancelled"}


def test_the_notice_of_a_recorded_call_lasts_as_long_as_then() -> None:
    """The wait is until the bridge, and the caller is told before it (R1)."""
    department = sales("quick", records_calls=True)
    made = office((agent("quick", "201"), department), MORNING[:2], {"quick": answers(3)}, talk_s=15)
    first = record(log_of(made))
    assert first.plays.exact_ms("p.k0.o1.r") is not None
    assert figures.differences(figures.of(first.facts), figures.of(replayed(first))) == []


def test_ringing_that_was_cut_off_goes_on_like_the_next_that_was_not() -> None:
    """An agent whom a colleague beat to it was not seen to answer: the model must not say «never»."""
    cut = Dialling(leg_id=LegId("p.k1.o1.0"), rings_ms=200, cut_off_ms=4_000)
    known = Dialling(leg_id=LegId("p.k2.o1.0"), rings_ms=200, answered_ms=6_000)
    people = People(Recorded(phones={(AgentId("a"), 0): [cut, known]}))
    assert people.agent(AgentId("a"), 0, LegId("p.k1.o1.0")).answered_ms == 6_000
    slow = Dialling(leg_id=LegId("p.k1.o1.0"), rings_ms=200, cut_off_ms=9_000)
    people = People(Recorded(phones={(AgentId("a"), 0): [slow, known]}))
    assert people.agent(AgentId("a"), 0, LegId("p.k1.o1.0")).answered_ms == 10_000


def test_agents_answer_in_the_order_recorded_and_begin_anew_after_the_last() -> None:
    """Every sample is used once before any is used twice."""
    people = People(Recorded(phones={(AgentId("a"), 0): answers(1, 2, 3)}))
    taken = [people.agent(AgentId("a"), 0, LegId("other")).answered_ms for _ in range(4)]
    assert taken == [1_000, 2_000, 3_000, 1_000]


def test_who_was_never_rung_answers_like_most() -> None:
    """Half a department may never have been rung under the old strategy."""
    people = People(Recorded(phones={(AgentId("a"), 0): answers(2, 4, 9)}))
    assert people.agent(AgentId("new"), 0, LegId("x")).answered_ms == 4_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("salse.no_answer_ms=1", "there is no department 'salse' on this log; similar: sales"),
        ("sales.no_answer=1", "no setting 'no_answer' that can be tried; similar: no_answer_ms"),
        ("sales.strategy=fastest", "'fastest' is not a value for 'strategy.kind'"),
        ("sales.no_answer_ms=soon", "'soon' is not a value for 'no_answer_ms'"),
        ("sales.recipients=[]", "no setting 'recipients' that can be tried"),
        ("sales", "write it as sales.no_answer_ms=300000"),
    ],
)
def test_a_setting_that_is_none_is_refused_with_what_is_near(text: str, said: str) -> None:
    """A manager guesses names; nothing may be ignored silently."""
    saved = book(sales("a"))
    with pytest.raises(NoSuchSetting) as refused:
        changed(saved, [parsed(text)])
    assert said in str(refused.value)


def test_settings_reach_every_version_of_the_department_and_nothing_else() -> None:
    """A card saved again during the morning must not undo the tried setting."""
    later = msgspec.structs.replace(sales("a", "b"), version=2)
    saved = [*book(agent("a", "201"), sales("a")), (at(30), later)]
    new, lines = changed(saved, [parsed("*.strategy=linear"), parsed("sales.callback.ring_ms=9000")])
    found = [fact for _, fact in new if isinstance(fact, DepartmentSaved)]
    assert [each.strategy.kind for each in found] == [StrategyKind.LINEAR] * 2
    assert [each.callback.ring_ms for each in found] == [9_000] * 2
    assert [fact for _, fact in new if not isinstance(fact, DepartmentSaved)] == [
        fact for _, fact in saved if not isinstance(fact, DepartmentSaved)
    ]
    assert lines[0] == "sales.strategy.kind = linear (was ring_all)"


def exported(tmp_path: Path, *direct: Fact) -> Path:
    made = office(
        (agent("quick", "201"), sales("quick", no_answer_action=NoAnswerAction())),
        MORNING,
        {"quick": answers(3)},
        talk_s=15,
        direct=[(at(4), each) for each in direct],
    )
    file = tmp_path / "morning.jsonl"
    file.write_bytes(b"".join(log_stretch.line(each) for each in records(Model(made, made.book).run())))
    return file


def test_the_verb_shows_what_happened_beside_what_would_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command, three columns, and how far they can be believed."""
    file = exported(tmp_path)
    assert replay.main(["--from", str(file), "--set", "sales.no_answer_ms=20000"]) == 0
    shown = capsys.readouterr().out
    assert "sales.no_answer_ms = 20000 (was 600000)" in shown
    assert "what happened" in shown
    assert "with these settings" in shown
    assert "8 of 8 places end as they did" in shown
    assert "What this can't tell" in shown


def test_the_verb_says_how_many_calls_were_left_as_they_were(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A manager must not think that direct calls would have gone otherwise, too."""
    assert replay.main(["--from", str(exported(tmp_path, _taken("d1"), _taken("d2")))]) == 0
    assert "2 calls reached no department (direct calls, scenarios)" in capsys.readouterr().out


def test_a_place_that_comes_out_otherwise_is_told_in_minutes_and_seconds() -> None:
    """Users do not want milliseconds."""
    then = figures.Place(PlaceId("p.k1"), SALES, at(0), end="expired", ended_at=at(64.4))
    replayed_ = figures.Place(PlaceId("p.k1"), SALES, at(0), end="connected", ended_at=at(9))
    found = figures.differences(Run(places={then.place_id: then}), Run(places={then.place_id: replayed_}))
    assert found == ["p.k1: expired after 1:04 then, connected after 0:09 in the replay"]
    gone = figures.differences(Run(places={then.place_id: then}), Run())
    assert gone == ["p.k1: expired after 1:04 then, no such place in the replay"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--set", "salse.no_answer_ms=1"], "there is no department 'salse'"),
        (["--organization", "south"], "there is no organization 'south' on this log; it has: north"),
    ],
)
def test_the_verb_names_what_is_wrong(
    argv: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error gives no traceback."""
    assert replay.main(["--from", str(exported(tmp_path)), *argv]) == 1
    assert said in capsys.readouterr().err
