"""Fabricated logs that show that a checker finds its violation."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from contracts import callback, gateway, queue
from contracts.callback import Origin
from contracts.codec import Envelope
from contracts.dialling import DiallingPolicy
from contracts.directory import (
    ActionKind,
    DepartmentSaved,
    NoAnswerAction,
    OrganizationSaved,
    Recipient,
    Strategy,
    StrategyKind,
)
from contracts.gateway import EndedBy, Outcome
from contracts.ids import (
    AgentId,
    BridgeId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    OfferId,
    PbxId,
    PlaceId,
    PlayId,
)
from contracts.log import TimeProbed
from contracts.message import Fact, type_name
from tests import offices
from tests.sim.virtual_time import START_MS
from tests.sim.workload import ORGANIZATION
from tests.sim.world import Run, Said

CLOUD: Final = PbxId("cloud")
SALES: Final = DepartmentId("sales")
NUMBER: Final = "+79165550001"
OTHER: Final = "+79165550002"
LINE: Final = "+74950001000"
GATEWAY: Final = f"gateway/{CLOUD}"


def at(seconds: float) -> Instant:
    """An instant of the morning."""
    return Instant(START_MS + round(seconds * 1000))


class Log:
    """Appends facts one after the other, each by its own service and caused by the one before."""

    def __init__(self) -> None:
        self._records: list[Said] = []
        self._numbers: Counter[str] = Counter()

    def say(self, seconds: float, *facts: Fact, behind: int = 0, is_superseded: bool = False) -> "Log":
        """Append facts at an instant: a time mark causes the first one, and each causes the next.

        With `behind`, a decider that is so many records behind says them: each has an earlier cause. With
        `is_superseded` a gateway says them that has a successor: they are void.
        """
        for fact in (TimeProbed(service="clock"), *facts):
            name = type_name(fact).partition(".")[0]
            source = GATEWAY if name == "gateway" else name
            self._numbers[source] += name not in ("directory", "log")
            envelope = Envelope(
                id=f"{source}/{len(self._records)}",
                type=type_name(fact),
                source=source,
                organization_id=ORGANIZATION,
                seq=self._numbers[source],
                incarnation=1 if source == GATEWAY and not is_superseded else 0,
                cause_offset=len(self._records) - 1 - behind,
            )
            self._records.append(
                Said(offset=len(self._records), at=at(seconds), envelope=envelope, fact=fact)
            )
        return self

    def run(self) -> Run:
        """A morning of which this is the log."""
        return Run(
            seed=0,
            workload=None,
            facts=tuple(self._records),
            commands=(),
            mailbox=(),
            dialled=Counter(),
            stores={},
            crashes=(),
        )


def first(checker: Callable[[Run], Iterator[str]], log: Log) -> str:
    """The first finding, or an empty text."""
    return next(checker(log.run()), "")


def found(checker: Callable[[Run], Iterator[str]], log: Log) -> list[str]:
    """What a checker finds in a log."""
    return list(checker(log.run()))


def an_office(*, version: int = 1, is_on: bool = True, denied: tuple[str, ...] = ()) -> OrganizationSaved:
    """The organization, with one reader of letters."""
    return offices.organization(
        ORGANIZATION,
        version=version,
        administrators=(Recipient(name="admin", email="admin@north.example"),),
        dialling_policy=DiallingPolicy(is_on=is_on, denied_numbers=denied),
    )


def a_department(
    *agents: str, timezone: str = "Europe/Moscow", kind: StrategyKind = StrategyKind.LONGEST_IDLE
) -> DepartmentSaved:
    """Sales, with these agents."""
    return offices.department(
        SALES,
        CLOUD,
        *agents,
        name="sales",
        lines=(LINE,),
        strategy=Strategy(kind=kind),
        no_answer_ms=600_000,
        no_answer_action=NoAnswerAction(kind=ActionKind.VOICEMAIL),
        timezone=timezone,
    )


def arrived(leg: str, number: str = NUMBER) -> gateway.CallArrived:
    """A customer calls."""
    return gateway.CallArrived(pbx_id=CLOUD, leg_id=LegId(leg), caller=number, line=LINE)


def requested(leg: str, address: str = f"tel:{NUMBER}") -> gateway.LegRequested:
    """A phone is dialled."""
    return gateway.LegRequested(pbx_id=CLOUD, leg_id=LegId(leg), address=address)  # type: ignore[arg-type]


def ended(leg: str, by: EndedBy = EndedBy.US, outcome: Outcome = Outcome.COMPLETED) -> gateway.LegEnded:
    """A call ends."""
    return gateway.LegEnded(pbx_id=CLOUD, leg_id=LegId(leg), outcome=outcome, by=by)


def bridged(*legs: str) -> gateway.Bridged:
    """Two hear each other."""
    return gateway.Bridged(pbx_id=CLOUD, bridge_id=BridgeId("b"), legs=tuple(LegId(each) for each in legs))


def pressed(leg: str, digits: str = "1") -> gateway.DigitsEntered:
    """A key."""
    return gateway.DigitsEntered(pbx_id=CLOUD, leg_id=LegId(leg), digits=digits)


def played(leg: str, *, was_interrupted: bool = False) -> gateway.PlayFinished:
    """Something was heard on a leg."""
    return gateway.PlayFinished(
        pbx_id=CLOUD, leg_id=LegId(leg), play_id=PlayId("words"), ok=True, was_interrupted=was_interrupted
    )


def taken(
    place: str, joined_s: float, *, leg: str | None = None, number: str = NUMBER, deadline_s: float = 600
) -> queue.PlaceTaken:
    """A place in the queue; without a leg it is a callback's of the same name."""
    return queue.PlaceTaken(
        place_id=PlaceId(place),
        department_id=SALES,
        pbx_id=CLOUD,
        leg_id=None if leg is None else LegId(leg),
        caller=number,
        line=LINE,
        joined_at=at(joined_s),
        deadline_at=at(deadline_s),
        position=1,
        callback_id=CallbackId(f"cb.{place}") if leg is None else None,
        origin=Origin.API if leg is None else None,
    )


def ordered(
    place: str, *, number: str = NUMBER, deadline_s: float = 600, origin: Origin = Origin.QUEUE
) -> callback.CallbackOrdered:
    """The place is a callback's, named after it."""
    return callback.CallbackOrdered(
        callback_id=CallbackId(f"cb.{place}"),
        place_id=PlaceId(place),
        department_id=SALES,
        pbx_id=CLOUD,
        number=number,
        caller_id=LINE,
        joined_at=at(0),
        deadline_at=at(deadline_s),
        leg_id=None,
        origin=origin,
    )


def talked(place: str, leg: str) -> queue.CustomerTalked:
    """The callback's customer has talked with the department on another leg."""
    return queue.CustomerTalked(
        place_id=PlaceId(place),
        callback_id=CallbackId(f"cb.{place}"),
        agent_id=AgentId("a0"),
        agent_leg_id=LegId("agent"),
        leg_id=LegId(leg),
        bridged_at=at(0),
    )


def passed(place: str, deadline_s: float) -> queue.DeadlinePassed:
    """No agent has come for a callback."""
    return queue.DeadlinePassed(
        place_id=PlaceId(place), callback_id=CallbackId(f"cb.{place}"), deadline_at=at(deadline_s)
    )


def told(place: str, kind: queue.AnnouncementKind) -> queue.AnnouncementMade:
    """A waiting caller hears something."""
    return queue.AnnouncementMade(place_id=PlaceId(place), kind=kind, play_id=PlayId("words"), position=1)


def offered(
    offer: str, place: str, agent: str = "a0", *, round_: int = 0, leg: str = "agent"
) -> queue.OfferMade:
    """An agent is rung for a place."""
    return queue.OfferMade(
        offer_id=OfferId(offer),
        place_id=PlaceId(place),
        department_id=SALES,
        agent_id=AgentId(agent),
        round=round_,
        ring_ms_max=20_000,
        legs=(queue.OfferLeg(leg_id=LegId(leg), address="sip:201", dial_at=at(0)),),  # type: ignore[arg-type]
    )


def declined(offer: str, place: str, agent: str = "a0") -> queue.OfferDeclined:
    """The agent does not want it."""
    return queue.OfferDeclined(offer_id=OfferId(offer), place_id=PlaceId(place), agent_id=AgentId(agent))


def accepted(offer: str, place: str, agent: str = "a0", leg: str = "agent") -> queue.OfferAccepted:
    """The agent takes it."""
    return queue.OfferAccepted(
        offer_id=OfferId(offer), place_id=PlaceId(place), agent_id=AgentId(agent), leg_id=LegId(leg)
    )


def ready(place: str, agent: str = "a0", leg: str = "agent") -> queue.AgentReady:
    """The agent is the callback's now."""
    return queue.AgentReady(
        place_id=PlaceId(place),
        callback_id=CallbackId(f"cb.{place}"),
        agent_id=AgentId(agent),
        agent_name="Agent",
        leg_id=LegId(leg),
        pbx_id=CLOUD,
        offer_id=OfferId("o"),
        waited_ms=1_000,
    )


def started(place: str, agent: str = "a0", leg: str = "agent") -> callback.AttemptStarted:
    """The agent hears which customer to talk to."""
    return callback.AttemptStarted(
        callback_id=CallbackId(f"cb.{place}"),
        place_id=PlaceId(place),
        attempt=1,
        agent_id=AgentId(agent),
        agent_leg_id=LegId(leg),
        whisper_play_id=PlayId("whisper"),
    )


def dialled(place: str, leg: str, agent_leg: str = "agent") -> callback.CustomerDialled:
    """The customer is rung for an agent."""
    return callback.CustomerDialled(
        callback_id=CallbackId(f"cb.{place}"),
        place_id=PlaceId(place),
        attempt=1,
        leg_id=LegId(leg),
        agent_id=AgentId("a0"),
        agent_leg_id=LegId(agent_leg),
    )


def failed(place: str, *, again_s: float | None, agent_leg: str = "agent") -> callback.AttemptFailed:
    """An attempt does not reach the customer."""
    return callback.AttemptFailed(
        callback_id=CallbackId(f"cb.{place}"),
        place_id=PlaceId(place),
        attempt=1,
        agent_id=AgentId("a0"),
        agent_leg_id=LegId(agent_leg),
        outcome=Outcome.BUSY,
        next_attempt_at=None if again_s is None else at(again_s),
        give_up_at=None if again_s is None else at(660),
    )


def lost(place: str, agent: str = "a0") -> callback.AgentLost:
    """The agent has gone."""
    return callback.AgentLost(
        callback_id=CallbackId(f"cb.{place}"), place_id=PlaceId(place), agent_id=AgentId(agent)
    )


def held(place: str, leg: str) -> callback.CustomerHeld:
    """The customer hears «one moment»."""
    return callback.CustomerHeld(
        callback_id=CallbackId(f"cb.{place}"),
        place_id=PlaceId(place),
        leg_id=LegId(leg),
        until_at=at(600),
        play_id=PlayId("moment"),
    )


def apology_due(place: str, due_s: float) -> callback.ApologyQueued:
    """No agent came in time."""
    return callback.ApologyQueued(
        callback_id=CallbackId(f"cb.{place}"), place_id=PlaceId(place), due_at=at(due_s)
    )


def granted(place: str) -> queue.ApologyGranted:
    """No other department talks to the customer."""
    return queue.ApologyGranted(place_id=PlaceId(place), callback_id=CallbackId(f"cb.{place}"))


def apology(place: str, leg: str, attempt: int = 1) -> callback.ApologyDialled:
    """The customer is rung for an apology."""
    return callback.ApologyDialled(callback_id=CallbackId(f"cb.{place}"), leg_id=LegId(leg), attempt=attempt)


def callback_ended(kind: type[callback.CallbackEnd], place: str, reason: str = "", **more: Any) -> Fact:
    """How a callback ended."""
    return kind(
        callback_id=CallbackId(f"cb.{place}"),
        place_id=PlaceId(place),
        department_id=SALES,
        pbx_id=CLOUD,
        number=NUMBER,
        joined_at=at(0),
        ordered_at=at(0),
        attempts=0,
        reason=reason,
        **more,
    )


def taken_over(place: str, new_place: str, leg: str) -> queue.CallbackTakenOver:
    """A caller takes his callback's place."""
    return queue.CallbackTakenOver(
        place_id=PlaceId(place),
        new_place_id=PlaceId(new_place),
        callback_id=CallbackId(f"cb.{place}"),
        leg_id=LegId(leg),
    )


def given_up(place: str, reason: queue.DivertReason) -> queue.NoAnswerReached:
    """A caller's deadline passes."""
    return queue.NoAnswerReached(place_id=PlaceId(place), reason=reason, play_id=None)
