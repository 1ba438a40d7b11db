"""Small offices and their mornings as logs, made by the model's own world."""

from collections.abc import Sequence
from typing import Any

from contracts import codec
from contracts.codec import Envelope
from contracts.directory import (
    AgentSaved,
    CallbackSettings,
    DepartmentSaved,
    Membership,
    Strategy,
    StrategyKind,
)
from contracts.gateway import PbxFact
from contracts.ids import AgentId, DepartmentId, LegId, OrganizationId, PbxId
from contracts.log import TimerDue
from contracts.message import Fact, type_name
from contracts.routing import DepartmentReached, Rule
from ringback import log_stretch
from ringback.log_stretch import Stretch
from ringback.replay.legs import Dialling
from ringback.replay.model import Model, Said
from ringback.replay.recorded import Caller, Recorded, Talk, Zero
from runtime.ports import LogRecord
from tests import offices

NORTH = OrganizationId("north")
CLOUD = PbxId("cloud")
SALES = DepartmentId("sales")
LINE = "+74950001000"
START = 1_800_000_000_000
"""Friday 15 January 2027, 11:00 in Moscow."""


def at(seconds: float) -> int:
    """An instant of the morning."""
    return START + round(seconds * 1000)


def agent(name: str, extension: str, **fields: Any) -> AgentSaved:
    return offices.agent(name, CLOUD, extension, **fields)


def sales(*agents: str, suspended: str = "", **fields: Any) -> DepartmentSaved:
    seats = tuple(Membership(agent_id=AgentId(name), is_suspended=name == suspended) for name in agents)
    return offices.department(
        SALES,
        CLOUD,
        agents=seats,
        lines=(LINE,),
        **{
            "strategy": Strategy(kind=StrategyKind.RING_ALL),
            "callback": CallbackSettings(is_on=False),
            **fields,
        },
    )


def book(*facts: Fact) -> list[tuple[int, Fact]]:
    """The cards saved before the first call."""
    saved = (offices.organization(NORTH), offices.pbx(CLOUD, LINE, name="Moscow"), *facts)
    return [(at(-60), each) for each in saved]


def caller(
    name: str,
    at_s: float,
    *,
    leaves_s: float | None = None,
    orders_s: float | None = None,
    number: str = "+79160000001",
) -> Caller:
    """A caller who leaves after a while, or presses 1 so long after the invitation and hangs up."""
    arrived = DepartmentReached(
        pbx_id=CLOUD,
        leg_id=LegId(name),
        department_id=SALES,
        caller=number,
        line=LINE,
        rule=Rule.DEPARTMENT_LINE,
    )
    found = Caller(at=at(at_s), arrived=arrived, answer_ms=20)
    if leaves_s is not None:
        found.hangs_up = (Zero.ARRIVAL, round(leaves_s * 1000))
    if orders_s is not None:
        found.keys = {Zero.INVITATION: ((round(orders_s * 1000), "1", False),)}
        found.hangs_up = (Zero.INVITATION, round(orders_s * 1000) + 3_000)
    return found


def answers(*seconds: float, talk_ms: int = 60_000) -> list[Dialling]:
    """Diallings that are answered after these times."""
    return [
        Dialling(leg_id=LegId(f"answer{number}"), rings_ms=200, answered_ms=round(each * 1000))
        for number, each in enumerate(seconds)
    ]


def silent() -> list[Dialling]:
    """A phone that is never answered."""
    return [Dialling(leg_id=LegId("silent"), rings_ms=200)]


def office(
    saved: Sequence[Fact],
    callers: Sequence[Caller],
    phones: dict[str, list[Dialling]],
    *,
    talk_s: float = 60,
    **fields: Any,
) -> Recorded:
    """An office and its people's behaviour, as if recorded."""
    return Recorded(
        book=book(*saved),
        callers=list(callers),
        phones={(AgentId(name), 0): samples for name, samples in phones.items()},
        handling={AgentId(name): [Talk(ms=round(talk_s * 1000), is_ended_by_agent=True)] for name in phones},
        **fields,
    )


def records(said: Sequence[Said]) -> list[LogRecord]:
    """A run of the model as records of a log."""
    found: list[LogRecord] = []
    numbers: dict[str, int] = {}
    for offset, each in enumerate(said):
        source, seq, incarnation = each.source, 0, 0
        if isinstance(each.fact, PbxFact):
            source, incarnation = f"gateway/{each.fact.pbx_id}", 1
        elif source == "world":
            source = "directory"
        if source != "directory" and not isinstance(each.fact, TimerDue):
            seq = numbers[source] = numbers.get(source, 0) + 1
        envelope = Envelope(
            id=f"{source}/{offset}",
            type=type_name(each.fact),
            source=source,
            organization_id=NORTH,
            seq=seq,
            incarnation=incarnation,
            time=each.at,
            cause_offset=each.cause,
        )
        headers = tuple(codec.headers(envelope))
        found.append(LogRecord(0, offset, each.at, headers, codec.encode(each.fact)))
    return found


def log_of(recorded: Recorded) -> Stretch:
    """The log of this office's morning."""
    made = records(Model(recorded, recorded.book).run())
    return log_stretch.stretches(made)[NORTH]
