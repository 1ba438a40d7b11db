"""The real queue in a host in memory, with phones that obey: for tests of crashes and takeovers."""

from contracts.codec import envelope
from contracts.directory import AgentSaved, DepartmentSaved, Strategy, StrategyKind
from contracts.gateway import CallArrived, EndedBy, LegAnswered, LegEnded, LegRinging, Outcome
from contracts.ids import DepartmentId, LegId, PbxId, PlaceId
from contracts.message import Fact, Message
from contracts.routing import DepartmentReached, Rule
from runtime.host.owner import Owner
from services.queue.service import SERVICE as QUEUE
from services.queue.state import QueueState
from tests import offices
from tests.unit.runtime.worlds import ACME, World, accepted

CLOUD = PbxId("cloud")
SALES = DepartmentId("sales")
LINE = "+74950001000"


class Office(World):
    """A company with one department; the process started last owns its queue."""

    def __init__(self, agents: int, *, no_answer_ms: int = 600_000) -> None:
        super().__init__()
        self._seq = 0
        self.directory(offices.pbx(CLOUD, LINE, name="Moscow"))
        for number in range(agents):
            self.directory(an_agent(number))
        self.directory(
            a_department(SALES, LINE, [f"a{number}" for number in range(agents)], no_answer_ms=no_answer_ms)
        )

    def start(self) -> Owner:
        """Start a process of the queue."""
        return self.owner(QUEUE)

    def directory(self, fact: Fact) -> None:
        """Append the directory's facts."""
        self.hear(fact, organization_id=ACME, source="directory")

    def phones(self, fact: Fact) -> None:
        """Append the gateway's facts under its next numbers."""
        self._seq += 1
        self.hear(fact, organization_id=ACME, source=f"gateway/{CLOUD}", seq=self._seq, incarnation=1)

    def calls(self, *legs: str) -> None:
        """Let customers call, each from a different number, and be answered."""
        for leg in legs:
            caller = f"+7916{number_of(leg) % 10_000_000:07d}"
            self.phones(CallArrived(pbx_id=CLOUD, leg_id=LegId(leg), caller=caller, line=LINE))
            reached = DepartmentReached(
                pbx_id=CLOUD,
                leg_id=LegId(leg),
                department_id=SALES,
                caller=caller,
                line=LINE,
                rule=Rule.DEPARTMENT_LINE,
            )
            self.hear(reached, organization_id=ACME, source="routing")
            self.phones(LegAnswered(pbx_id=CLOUD, leg_id=LegId(leg)))

    def rings(self, leg: str) -> None:
        """Let a dialled phone ring."""
        self.phones(LegRinging(pbx_id=CLOUD, leg_id=LegId(leg)))

    def answers(self, leg: str) -> None:
        """Let a phone be answered."""
        self.phones(LegAnswered(pbx_id=CLOUD, leg_id=LegId(leg)))

    def hangs_up(self, leg: str) -> None:
        """Let the person on a leg hang up."""
        ended = LegEnded(pbx_id=CLOUD, leg_id=LegId(leg), outcome=Outcome.COMPLETED, by=EndedBy.PARTY)
        self.phones(ended)

    def queue_said(self, kind: type[Message]) -> list[Message]:
        """The queue's facts of one type as readers accept them."""
        return [fact for _, _, fact in accepted(self.log.facts[0], "queue") if isinstance(fact, kind)]

    def asked(self, kind: type[Message]) -> list[Message]:
        """The queue's commands of one type as the gateway accepts them."""
        found = accepted(self.log.topics.get("telephony", []), "queue")
        return [command for _, _, command in found if isinstance(command, kind)]

    def sent_numbers(self) -> list[int]:
        """The numbers of the queue's facts on the log, including repeats."""
        envelopes = [envelope(each.headers) for each in self.log.facts[0]]
        return [each.seq for each in envelopes if each.source == "queue" and each.seq]


def number_of(text: str) -> int:
    """The same number for the same text, in every process."""
    return int.from_bytes(text.encode()[-6:])


def an_agent(number: int) -> AgentSaved:
    """An agent with a desk phone."""
    return offices.agent(f"a{number}", CLOUD, f"{1000 + number}", name=f"Agent {number}")


def a_department(
    department_id: DepartmentId,
    line: str,
    agents: list[str],
    *,
    no_answer_ms: int = 600_000,
    kind: StrategyKind = StrategyKind.LONGEST_IDLE,
) -> DepartmentSaved:
    """A department with one line."""
    return offices.department(
        department_id,
        CLOUD,
        *agents,
        name=department_id,
        lines=(line,),
        strategy=Strategy(kind=kind),
        no_answer_ms=no_answer_ms,
    )


async def queue_state(owner: Owner) -> QueueState:
    """An owner's state in memory."""
    assert owner.held is not None
    state = (await owner.held.organization(ACME)).state
    assert isinstance(state, QueueState)
    return state


async def positions(owner: Owner) -> list[PlaceId]:
    """All waiting customers in order."""
    state = await queue_state(owner)
    return [PlaceId(rank[2]) for rank in state.order.get(SALES, ())]
