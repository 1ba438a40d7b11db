"""Well-formed facts that make no sense: no decider may raise, since an exception parks a company."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.codec import INTEGER_MAX
from contracts.directory import (
    ActionKind,
    AgentSaved,
    CallbackSettings,
    DepartmentSaved,
    Device,
    DeviceKind,
    NoAnswerAction,
    Strategy,
    StrategyKind,
    VoicemailSettings,
)
from contracts.gateway import CallArrived, EndedBy, LegAnswered, LegEnded, Outcome
from contracts.ids import Address, AgentId, DepartmentId, LegId, PbxId
from contracts.routing import DepartmentReached, Rule
from contracts.telephony import CancelLeg, DialLeg
from runtime.decision import Decider
from services.callback.service import SERVICE as CALLBACK
from services.queue.service import SERVICE as QUEUE
from services.routing.service import SERVICE as ROUTING
from services.voicemail.service import SERVICE as VOICEMAIL
from tests import offices
from tests.badinput.hostile import Company
from tests.unit.decider_harness import stored

DECIDERS = (ROUTING, QUEUE, CALLBACK, VOICEMAIL)
NAMES = [each.name for each in DECIDERS]
FACTS = 60


def _live(decider: Decider[Any], chance: random.Random, malice: float) -> Company:
    """A company's day of nonsense; afterwards timers come to rest, and a copy of the state loads."""
    company = Company(decider, chance, malice)
    company.begin()
    for _ in range(FACTS):
        company.go_on()
    company.rest()
    _loads_again(company)
    return company


def _loads_again(company: Company) -> None:
    """The stored records after nonsense must be readable: the next owner has nothing else."""
    copy = company.decider.new_state()
    copy.load(stored(company.state))
    for name, table in company.state.tables.items():
        assert [table.encoded(each) for each in table] == [
            copy.tables[name].encoded(each) for each in copy.tables[name]
        ]


@pytest.mark.parametrize("decider", DECIDERS, ids=NAMES)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(chance=st.randoms(use_true_random=False), malice=st.sampled_from((0.01, 0.05, 0.3)))
def test_no_sequence_of_facts_makes_a_decider_raise(
    decider: Decider[Any], chance: random.Random, malice: float
) -> None:
    """Unknown ids, instants beyond all calendars, settings against each other: the business goes on."""
    _live(decider, chance, malice)


SEEDS_OF_OLD_FAILURES = {"routing": (), "queue": (117319,), "callback": (), "voicemail": (82,)}


@pytest.mark.parametrize("decider", DECIDERS, ids=NAMES)
def test_seeds_that_failed_once_and_some_more(decider: Decider[Any]) -> None:
    """Many short days cost less than a few that can be shrunk; a seed repeats one exactly.

    A fuzz whose facts are all dropped proves nothing: most possible messages must be said.
    """
    said: set[type] = set()
    for seed in (*SEEDS_OF_OLD_FAILURES[decider.name], *range(150)):
        try:
            company = _live(decider, random.Random(seed), (0.01, 0.05, 0.2)[seed % 3])
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        said.update(type(each) for each in company.said)
    missing = [each.__name__ for each in decider.says if each not in said]
    assert len(missing) <= 0.3 * len(decider.says), f"{decider.name} never said {missing}"


def _office(value: int, kind: StrategyKind, action: ActionKind) -> list[AgentSaved | DepartmentSaved]:
    """Two agents, and a department whose durations and counts are all one absurd value."""
    agents = [
        offices.agent(
            name,
            "cloud",
            name=name,
            devices=(
                Device(kind=DeviceKind.DESK, address=Address(f"sip:{name}"), delay_ms=value),
                Device(kind=DeviceKind.DESK, address=Address(f"sip:{name}"), delay_ms=-value),
            ),
        )
        for name in ("a", "b")
    ]
    department = offices.department(
        "sales",
        "cloud",
        "a",
        "b",
        "nobody",
        "a",
        lines=("+74950001000", "+74950001000"),
        strategy=Strategy(kind=kind, ring_ms=value, step_ms=value, pause_between_rounds_ms=value),
        no_answer_ms=INTEGER_MAX,
        no_answer_action=NoAnswerAction(
            kind=action, agent_id=AgentId("a"), department_id=DepartmentId("sales"), keeps_joining_time=True
        ),
        announcement_gap_ms=value,
        wrap_up_ms=value,
        waiting_max=value if value > 0 else None,
        callback=CallbackSettings(
            invitation_after_ms=value, ring_ms=value, attempts_max=value, attempt_gap_ms=value
        ),
        voicemail=VoicemailSettings(duration_ms_max=value, silence_ms=value, speech_ms_min=value),
    )
    return [*agents, department]


@pytest.mark.parametrize("action", ActionKind)
@pytest.mark.parametrize("kind", StrategyKind)
@pytest.mark.parametrize("value", [0, -1, -60_000, -INTEGER_MAX, INTEGER_MAX])
@pytest.mark.parametrize("no_answer_ms", [0, 600_000])
def test_absurd_settings_never_keep_a_decider_busy_by_itself(
    value: int, kind: StrategyKind, action: ActionKind, no_answer_ms: int
) -> None:
    """A timer in the past fires at once: one that is set so repeatedly would fill the log."""
    company = Company(QUEUE, random.Random(1), 0.0)
    for fact in _office(value, kind, action):
        if isinstance(fact, DepartmentSaved):
            fact = msgspec.structs.replace(fact, no_answer_ms=no_answer_ms)
        company.hear(fact)
    for leg in ("c1", "c2"):
        reached = DepartmentReached(
            pbx_id=PbxId("cloud"),
            leg_id=LegId(leg),
            department_id=DepartmentId("sales"),
            caller="+79161234567",
            line="+74950001000",
            rule=Rule.DEPARTMENT_LINE,
        )
        company.hear(
            CallArrived(
                pbx_id=reached.pbx_id, leg_id=reached.leg_id, caller=reached.caller, line=reached.line
            )
        )
        company.hear(reached)
        company.hear(LegAnswered(pbx_id=PbxId("cloud"), leg_id=LegId(leg)))
    for _ in range(20):
        _phones_answer(company)
        company.rest()
        company.hostile.now += 1_000
    dials = [each for each in company.said if isinstance(each, DialLeg)]
    assert len(dials) <= DIALS_MAX, "phones are rung again and again as fast as they can be cancelled"
    _loads_again(company)


DIALS_MAX = 160
"""Two agents with two phones each, twenty seconds: more than one round a second is a storm."""


def _phones_answer(company: Company) -> None:
    """End every cancelled dialling, and all that follow from that."""
    seen = 0
    while seen < min(len(company.said), 4 * DIALS_MAX):
        command = company.said[seen]
        seen += 1
        if isinstance(command, CancelLeg) and id(command) not in company.ended:
            company.ended.add(id(command))
            company.hear(
                LegEnded(
                    pbx_id=command.pbx_id, leg_id=command.leg_id, outcome=Outcome.CANCELLED, by=EndedBy.US
                )
            )
            company.rest()
