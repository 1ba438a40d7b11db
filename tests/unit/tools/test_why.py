"""Why did I wait? Each reason at its moment, changes only, and numbers masked (H7)."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from contracts.dialling import Refusal
from contracts.directory import (
    AgentAvailabilitySaved,
    AgentPauseSaved,
    CallbackSettings,
    DepartmentSaved,
    Membership,
    Strategy,
    StrategyKind,
)
from contracts.gateway import EndedBy, LegEnded, Outcome
from contracts.ids import AgentId, Instant, LegId, PlaceId, TryId
from contracts.message import Fact, Interval
from contracts.queue import PlaceAbandoned, PlaceConnected, SkipReason
from contracts.routing import PersonAnswered
from ringback import log_stretch, why
from ringback.log_stretch import Stretch
from ringback.replay.legs import Dialling
from ringback.replay.model import Model
from ringback.replay.recorded import Caller, Recorded
from ringback.replay.uses import Use
from ringback.why.causes import CAUSES, cause
from ringback.why.conditions import Here, Standing
from ringback.why.watching import Watched, watch
from tests.unit.tools.stretches import (
    CLOUD,
    agent,
    answers,
    at,
    caller,
    log_of,
    office,
    records,
    sales,
    silent,
)

CALLERS = [caller("k1", 0), caller("k2", 5, number="+79160000002")]


def told(watched: Watched, name: str) -> list[tuple[int, str]]:
    """One agent's conditions, each with the seconds after joining."""
    joined_at = watched.taken.joined_at
    return [
        (round((moment.at - joined_at) / 1000), str(condition.code))
        for moment in watched.moments
        for agent_id, condition in moment.agents
        if agent_id == name
    ]


def morning(
    agents: Sequence[str],
    phones: dict[str, list[Dialling]],
    *extra: Fact,
    callers: Sequence[Caller] = CALLERS,
) -> Stretch:
    saved = [agent(name, f"20{number}") for number, name in enumerate(agents)]
    return log_of(office((*saved, sales(*agents), *extra), callers, phones))


@pytest.mark.rule("H7", "Q2")
def test_who_talks_to_an_earlier_customer_is_named_with_that_customer() -> None:
    """The commonest answer: all agents were talking, and to which customers."""
    watched = watch(morning(["quick"], {"quick": answers(3)}), PlaceId("p.k2"))
    assert told(watched, "quick") == [
        (0, SkipReason.ON_CALL),
        (58, Here.RINGS),
        (61, Here.WITH_THIS),
    ]
    first = watched.moments[0].agents[0][1]
    assert first.place_id == "p.k1"
    assert watched.numbers["p.k1"] == "+79160000001"
    assert isinstance(watched.end, PlaceConnected)
    assert watched.spent_ms[AgentId("quick")][SkipReason.ON_CALL] == pytest.approx(58_000, abs=500)


@pytest.mark.rule("H7")
def test_an_agent_who_is_rung_for_an_earlier_place_holds_that_offer() -> None:
    """Not «busy»: the phone was ringing for an earlier customer."""
    callers = [caller("k1", 0), caller("k2", 1, number="+79160000002")]
    watched = watch(morning(["quick"], {"quick": answers(5)}, callers=callers), PlaceId("p.k2"))
    first = watched.moments[0].agents[0][1]
    assert (first.code, first.place_id, first.is_earlier) == (SkipReason.HOLDS_OFFER, "p.k1", True)


@pytest.mark.rule("H7")
def test_each_reason_of_an_agent_who_can_not_be_rung_is_told() -> None:
    """Suspended, paused, absent, out of hours, on another call, unreachable: six agents, six reasons."""
    names = ["suspended", "paused", "absent", "closed", "busy", "gone"]
    saved = [agent(name, f"20{number}") for number, name in enumerate(names)]
    away = (Interval(from_at=Instant(at(-3600)), until_at=Instant(at(3600))),)
    facts = (
        *saved,
        sales(*names, suspended="suspended", no_answer_ms=30_000),
        AgentPauseSaved(agent_id=AgentId("paused"), version=1, is_paused=True),
        AgentAvailabilitySaved(agent_id=AgentId("absent"), version=1, hours=None, absences=away),
        AgentAvailabilitySaved(agent_id=AgentId("closed"), version=1, hours=(), absences=()),
    )
    phones = {name: (CLOUD, saved[number].devices[0].address) for number, name in enumerate(names)}
    recorded = office(
        facts,
        [caller("k1", 0)],
        {},
        uses=[
            Use(at(-50), phones["busy"], is_own_use=True, is_unreachable=False),
            Use(at(-50), phones["gone"], is_own_use=False, is_unreachable=True),
        ],
        told_phones={phones["busy"], phones["gone"]},
    )
    watched = watch(log_of(recorded), PlaceId("p.k1"))
    reasons = dict(watched.moments[0].agents)
    assert [reasons[AgentId(name)].code for name in names] == [
        SkipReason.SUSPENDED,
        SkipReason.PAUSED,
        SkipReason.ABSENT,
        SkipReason.OUT_OF_HOURS,
        SkipReason.ON_CALL,
        SkipReason.UNREACHABLE,
    ]
    assert reasons[AgentId("busy")].is_own


@pytest.mark.rule("H7", "Q8")
def test_who_declined_is_skipped_for_ten_seconds_and_it_is_said_until_when() -> None:
    """A manager asks why Ivanov was not tried again at once."""
    declines = [Dialling(leg_id=LegId("d"), rings_ms=200, ended_ms=1_000, outcome=Outcome.DECLINED)]
    watched = watch(
        morning(["no"], {"no": [*declines, *answers(2)]}, callers=[caller("k1", 0)]), PlaceId("p.k1")
    )
    assert told(watched, "no") == [
        (0, Here.RINGS),
        (1, SkipReason.DECLINED_THIS_PLACE),
        (11, Here.RINGS),
        (13, Here.WITH_THIS),
    ]
    declined = next(
        condition
        for moment in watched.moments
        for _, condition in moment.agents
        if condition.code is SkipReason.DECLINED_THIS_PLACE
    )
    assert declined.until_at == pytest.approx(at(11), abs=100)


@pytest.mark.rule("H7", "Q1")
def test_in_turn_the_others_are_free_and_it_is_not_their_turn_then_who_missed_has_been_tried() -> None:
    """Linear: one at a time; «free» alone would look like a mistake."""
    saved = (
        agent("first", "201"),
        agent("second", "202"),
        sales("first", "second", strategy=Strategy(kind=StrategyKind.LINEAR, step_ms=10_000)),
    )
    recorded = office(saved, [caller("k1", 0)], {"first": silent(), "second": answers(3)})
    watched = watch(log_of(recorded), PlaceId("p.k1"))
    assert told(watched, "second") == [(0, SkipReason.NOT_THEIR_TURN), (10, Here.RINGS), (13, Here.WITH_THIS)]
    assert told(watched, "first") == [(0, Here.RINGS), (10, SkipReason.TRIED_THIS_ROUND)]


@pytest.mark.rule("H7")
def test_reasons_between_two_offers_are_found_although_no_fact_names_them() -> None:
    """`queue.offer_made` lists the skipped only when there is an offer; a wait has other moments."""
    saved = [agent("quick", "201"), agent("late", "202")]
    joins = msgspec.structs.replace(
        sales("quick", "late"),
        version=2,
        agents=(
            Membership(agent_id=AgentId("quick")),
            Membership(agent_id=AgentId("late"), is_suspended=True),
        ),
    )
    recorded = office((*saved, sales("quick")), CALLERS, {"quick": answers(3), "late": answers(3)})
    recorded.book.append((at(20), joins))
    watched = watch(log_of(recorded), PlaceId("p.k2"))
    assert told(watched, "late") == [(15, SkipReason.SUSPENDED)]


def test_only_changes_are_told() -> None:
    """A minute in which nothing changes is one line, however many records pass."""
    watched = watch(morning(["quick"], {"quick": answers(3)}), PlaceId("p.k2"))
    last: dict[str, object] = {}
    for moment in watched.moments:
        for agent_id, condition in moment.agents:
            assert last.get(agent_id) != condition
            last[agent_id] = condition


def test_how_long_each_reason_lasted_adds_up_to_the_wait() -> None:
    """No time is lost between two lines."""
    watched = watch(morning(["quick", "never"], {"quick": answers(3), "never": silent()}), PlaceId("p.k2"))
    assert watched.end_at is not None
    life_ms = watched.end_at - watched.taken.joined_at
    assert all(sum(spent.values()) == life_ms for spent in watched.spent_ms.values())


def test_a_callers_place_tells_its_position_over_time_and_its_end() -> None:
    """Third, second, first, gone."""
    callers = [*CALLERS, caller("k3", 6, leaves_s=90, number="+79160000003")]
    watched = watch(morning(["quick"], {"quick": answers(3)}, callers=callers), PlaceId("p.k3"))
    positions = [moment.position for moment in watched.moments if moment.position is not None]
    assert list(dict.fromkeys(positions)) == [2, 1]
    assert isinstance(watched.end, PlaceAbandoned)


def test_a_callback_is_told_to_its_end_with_the_gap_between_two_attempts() -> None:
    """The customer did not answer the first time: for a minute nobody is offered this place."""
    settings = CallbackSettings(invitation_after_ms=10_000)
    callers = [caller("k1", 0), caller("k2", 1, orders_s=2, number="+79160000002")]
    busy = Dialling(leg_id=LegId("b"), ended_ms=100, outcome=Outcome.BUSY)
    recorded = office(
        (agent("quick", "201"), sales("quick", callback=settings)),
        callers,
        {"quick": answers(3)},
        customers={PlaceId("p.k2"): [busy, *answers(4)]},
    )
    watched = watch(log_of(recorded), PlaceId("p.k2"))
    standings = [moment.standing[0] for moment in watched.moments if moment.standing is not None]
    assert Standing.BETWEEN_ATTEMPTS in standings
    assert standings[-1] is Standing.WITH_CALLBACK


def log_file(tmp_path: Path, recorded: Recorded | None = None) -> Path:
    made = recorded or office(
        (agent("quick", "201"), sales("quick")),
        [*CALLERS, caller("k3", 200, number="+79160000002")],
        {"quick": answers(3)},
    )
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(log_stretch.line(each) for each in records(Model(made, made.book).run())))
    return file


@pytest.mark.parametrize("named", ["p.k2", "k2"])
def test_a_place_is_found_by_its_id_or_a_leg_in_the_organizations_language(
    named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id or a leg is enough; the text is Russian, as North's language, and masked by default."""
    assert why.main([named, "--from", str(log_file(tmp_path))]) == 0
    shown = capsys.readouterr().out
    assert "Sales: +7…0002, место p.k2" in shown
    assert "Quick: разговаривает (+7…0001)" in shown
    assert "+79160000001" not in shown
    assert "11:00:05" in shown


def test_a_number_means_its_last_place_and_the_others_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """8 916 … and +7 916 … are one number; in full when asked for."""
    argv = ["8 (916) 000-00-02", "--from", str(log_file(tmp_path)), "--language", "en", "--full"]
    assert why.main(argv) == 0
    shown = capsys.readouterr().out
    assert "there are other places of this name" in shown
    assert "Sales: +79160000002, place p.k3" in shown


def test_an_unknown_place_is_an_error_that_names_near_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error is found at a glance, without a number in clear."""
    assert why.main(["p.k22", "--from", str(log_file(tmp_path))]) == 1
    error = capsys.readouterr().err
    assert "this log has no place, leg or caller 'p.k22'" in error
    assert "p.k2  +7…0002" in error


def test_a_log_without_its_beginning_is_told_as_far_as_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the retention the oldest facts are gone: said, and no traceback."""
    file = log_file(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    calls = next(number for number, line in enumerate(lines) if b'"gateway.call_arrived"' in line)
    file.write_bytes(b"".join((*lines[1:calls], *lines[calls + 3 :])))
    assert why.main(["p.k3", "--from", str(file), "--language", "en"]) == 0
    shown = capsys.readouterr().out
    assert "connected to Quick after 3 s" in shown
    assert "the log's beginning is missing" in shown


def test_departments_of_the_log_are_not_mixed_up() -> None:
    """The department's agents are those of its card at the moment, in its order."""
    watched = watch(morning(["quick", "never"], {"quick": answers(3), "never": silent()}), PlaceId("p.k2"))
    assert isinstance(watched.department, DepartmentSaved)
    assert [agent_id for agent_id, _ in watched.moments[0].agents] == ["quick", "never"]


def test_why_something_ended_is_told_in_both_languages_and_never_as_a_code() -> None:
    """A manager reads «ответил другой», and no «taken_by_another»."""
    for code in (*Outcome, *Refusal, "taken_by_another", "customer_engaged", "by_api", "confirmed"):
        russian, english = cause(str(code))
        assert re.search("[а-я]", russian), code
        assert not re.search("[а-я_]", english), code
    assert cause("something_later") == ("something later", "something later")


def test_every_reason_that_queue_and_callback_say_has_its_words() -> None:
    """A reason added without words would appear as a code."""
    said = set()
    for path in (
        *Path("services/queue/decider").glob("*.py"),
        *Path("services/callback/decider").glob("*.py"),
    ):
        text = path.read_text()
        said |= set(re.findall(r'(?:OfferWithdrawn|OfferUnreachable), reason="(\w+)"', text))
        said |= set(re.findall(r'(?:withdraw_all|cancelled|unreached|barred)\([^"()]*"(\w+)"', text))
    assert len(said) > 8
    assert said - set(CAUSES) == set()


@pytest.mark.rule("H7", "Q2")
def test_an_agent_on_a_direct_call_has_a_call_of_the_own() -> None:
    """No PBX reports a mobile as in use, but the log has the direct call that was answered there."""
    taken = PersonAnswered(
        leg_id=LegId("in.direct"),
        try_id=TryId("t1"),
        agent_id=AgentId("quick"),
        agent_leg_id=LegId("in.direct.t1.0"),
    )
    saved = (agent("quick", "201"), sales("quick"))
    over = LegEnded(pbx_id=CLOUD, leg_id=taken.agent_leg_id, outcome=Outcome.COMPLETED, by=EndedBy.PARTY)
    direct = [(at(5), taken), (at(65), over)]
    watched = watch(
        log_of(office(saved, [caller("k1", 10)], {"quick": answers(3)}, direct=direct)), PlaceId("p.k1")
    )
    first = watched.moments[0].agents[0][1]
    assert (first.code, first.is_own) == (SkipReason.ON_CALL, True)
