"""The office in which all figures of the queue are measured, and a gateway's numbering of its facts."""

from itertools import count
from typing import Final

from contracts.codec import Envelope, encode, headers
from contracts.dialling import DiallingPolicy
from contracts.directory import (
    AgentSaved,
    CallbackSettings,
    DepartmentSaved,
    Device,
    DeviceKind,
    Language,
    Membership,
    OrganizationSaved,
    PbxKind,
    PbxSaved,
    Strategy,
    StrategyKind,
)
from contracts.gateway import CallArrived, PbxClaimed
from contracts.ids import Address, AgentId, DepartmentId, LegId, OrganizationId, PbxId
from contracts.message import Fact, type_name
from contracts.routing import DepartmentReached, Rule
from contracts.topics import FACTS
from runtime.ports import Outgoing

VOLGA: Final = OrganizationId("volga")
PBX: Final = PbxId("kazan")
SALES: Final = DepartmentId("sales")
LINE: Final = "+78432000000"
MORNING: Final = 1_795_248_000_000
"""2026-11-21 08:00 UTC."""
NO_ANSWER_MS: Final = 1_000 * 24 * 60 * 60 * 1000
"""Longer than any measurement, so that the queue keeps its length."""
ANNOUNCEMENT_GAP_MS: Final = 60 * 60 * 1000
"""Never: a hundred thousand callers who hear their position every half minute would dominate."""


def agent_id(number: int) -> AgentId:
    """The n-th agent."""
    return AgentId(f"agent-{number}")


def address(number: int) -> Address:
    """The n-th agent's desk phone."""
    return Address(f"sip:{100 + number}")


def caller_leg(number: int) -> LegId:
    """The n-th call's leg."""
    return LegId(f"{PBX}.call-{number}")


def book(*, agents: int, kind: StrategyKind, organization_id: OrganizationId = VOLGA) -> tuple[Fact, ...]:
    """The directory's facts of an office with one department, no invitations and no working hours."""
    people = tuple(
        AgentSaved(
            agent_id=agent_id(number),
            version=1,
            name=f"Agent {number}",
            pbx_id=PBX,
            extension=str(100 + number),
            devices=(Device(kind=DeviceKind.DESK, address=address(number)),),
        )
        for number in range(agents)
    )
    organization = OrganizationSaved(
        organization_id=organization_id,
        version=1,
        name="Volga",
        language=Language.RUSSIAN,
        timezone="Europe/Moscow",
        dialling_policy=DiallingPolicy(),
        administrators=(),
    )
    pbx = PbxSaved(pbx_id=PBX, version=1, name="Kazan", kind=PbxKind.CLOUD, numbers=(LINE,))
    department = DepartmentSaved(
        department_id=SALES,
        version=1,
        name="Sales",
        pbx_id=PBX,
        extension="700",
        lines=(LINE,),
        agents=tuple(Membership(agent_id=each.agent_id) for each in people),
        strategy=Strategy(kind=kind),
        no_answer_ms=NO_ANSWER_MS,
        announcement_gap_ms=ANNOUNCEMENT_GAP_MS,
        # An invitation for each waiting caller would measure callback, not the queue.
        callback=CallbackSettings(is_on=False),
    )
    return (organization, pbx, *people, department)


def call(leg_id: LegId, caller: str) -> tuple[CallArrived, DepartmentReached]:
    """A customer calls the department: the gateway's facts, then routing's."""
    reached = DepartmentReached(
        pbx_id=PBX,
        leg_id=leg_id,
        department_id=SALES,
        caller=caller,
        line=LINE,
        rule=Rule.DEPARTMENT_LINE,
    )
    return CallArrived(pbx_id=PBX, leg_id=leg_id, caller=caller, line=LINE), reached


class Gateway:
    """Turns facts into records numbered as by a gateway: by its claim's offset, counting from 1."""

    def __init__(self, organization_id: OrganizationId = VOLGA, *, incarnation: int = 1) -> None:
        self.organization_id = organization_id
        self.incarnation = incarnation
        self.source = f"gateway/{PBX}"
        self._numbers = count(1)

    def claim(self) -> Outgoing:
        """The mark with which a gateway claims its PBX; its offset is the incarnation of later facts."""
        return record(
            PbxClaimed(pbx_id=PBX, claim="bench"), self.organization_id, source=self.source, id_="claim"
        )

    def record(self, fact: Fact) -> Outgoing:
        """The next fact, numbered."""
        seq = next(self._numbers)
        return record(
            fact,
            self.organization_id,
            source=self.source,
            id_=f"{self.incarnation}/{seq}",
            seq=seq,
            incarnation=self.incarnation,
        )


def record(
    fact: Fact,
    organization_id: OrganizationId,
    *,
    source: str = "directory",
    id_: str,
    seq: int = 0,
    incarnation: int = 0,
) -> Outgoing:
    """A fact as it travels on the log."""
    made = Envelope(
        id=f"{source}/{organization_id}/{id_}",
        type=type_name(fact),
        source=source,
        organization_id=organization_id,
        seq=seq,
        incarnation=incarnation,
        time=MORNING,
    )
    return Outgoing(FACTS.name, organization_id, tuple(headers(made)), encode(fact), 0)


def book_records(organization_id: OrganizationId, facts: tuple[Fact, ...]) -> list[Outgoing]:
    """The directory's facts as records."""
    return [record(fact, organization_id, id_=f"book/{number}") for number, fact in enumerate(facts)]
