"""A company in which queue and callback consume one log, in its order; the test controls the phones.

A fact of one service is on the log before the other consumes it, so a test meets only orders of facts that
can occur. Phones ring when they are dialled; the test decides who answers, hangs up or presses a key. A play
takes a fixed time for each of its parts.
"""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeVar

from contracts import callback, directory, gateway, queue, routing, telephony
from contracts.gateway import EndedBy, Outcome
from contracts.ids import AgentId, BridgeId, CallbackId, DepartmentId, Instant, LegId, PlaceId
from contracts.log import TimerDue
from contracts.message import Command, Fact, Message, type_name
from runtime.decision import step
from runtime.records import State
from services.callback.service import SERVICE as CALLBACK
from services.callback.state import CallbackState
from services.queue.service import SERVICE as QUEUE
from services.queue.state import QueueState
from tests.unit.queue.stories import MOSCOW, NINE, SALES, SALES_LINE, Office

M = TypeVar("M", bound=Message)
PART_MS = 1_500
TONE_MS = 5_000
"""How long one part of an announcement or one ringing tone lasts."""


class Phone:
    """One leg, which rings or is up, and what plays on it."""

    def __init__(self, *, is_up: bool) -> None:
        self.is_up = is_up
        self.plays: deque[telephony.Play] = deque()


class Company:
    """The company's log, clock, two services, and phones."""

    def __init__(self, office: Office) -> None:
        self.at = NINE
        self.log: list[tuple[int, str, Fact]] = []
        self.commands: list[tuple[int, Command]] = []
        self.phones: dict[LegId, Phone] = {}
        self.refusal: Callable[[telephony.DialLeg], str] = lambda _: ""
        """Why the gateway refuses a dial; empty: it dials."""
        self.queue, self.callback = QueueState(), CallbackState()
        self._services: list[tuple[Any, State]] = [(QUEUE, self.queue), (CALLBACK, self.callback)]
        self._written: deque[tuple[str, Fact]] = deque()
        self._missed: dict[str, list[tuple[Instant, str, Fact]]] = {}
        """What each service that is behind has not consumed yet."""
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        book = office.state
        self.hears(
            *(each.saved for each in book.organizations),
            *(each.saved for each in book.pbxs if each.saved is not None),
            *(each.saved for each in book.agents if each.saved is not None),
            *(each.saved for each in book.departments),
        )

    # The log

    def hears(self, *facts: Fact) -> None:
        """Append facts to the log, and let both services decide until nothing more follows."""
        self._written.extend(("world", fact) for fact in facts)
        while self._written:
            source, fact = self._written.popleft()
            self._count += 1
            self.log.append((self.at, source, fact))
            for decider, state in self._services:
                if decider.name in self._missed:
                    self._missed[decider.name].append((self.at, source, fact))
                else:
                    self._take(decider, state, source, fact, at=self.at)

    def falls_behind(self, service: str) -> None:
        """This service consumes nothing from now on."""
        self._missed[service] = []

    def catches_up(self, service: str) -> None:
        """It consumes what it has missed, at the log's time of each fact."""
        missed = self._missed.pop(service)
        [(decider, state)] = [each for each in self._services if each[0].name == service]
        for at, source, fact in missed:
            self._take(decider, state, source, fact, at=at)
        self.hears()

    def _take(self, decider: Any, state: State, source: str, fact: Fact, *, at: Instant) -> None:
        is_own_timer = isinstance(fact, TimerDue) and fact.service == decider.name
        is_heard = type(fact) in decider.hears and source != decider.name
        if not is_own_timer and (not is_heard or isinstance(fact, TimerDue)):
            return
        self._count += 1
        said = step(decider, state, fact, at=at, cause=f"f{self._count}")
        self._written.extend((decider.name, each) for each in said.facts)
        for command in said.commands:
            self.commands.append((self.at, command))
            # A PBX hears a command after the facts of the same step are on the log.
            self._in(1, lambda command=command: self._do(command))  # type: ignore[misc]

    def _in(self, ms: int, what: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._later, (self.at + ms, self._count, what))

    def waits(self, ms: int) -> None:
        """Let time pass: phones ring, plays end, timers come due."""
        until_at = self.at + ms
        while True:
            due = [at for _, state in self._present() if (at := state.earliest_due_at()) is not None]
            later = self._later[0][0] if self._later else until_at + 1
            next_at = min([later, *due])
            if next_at > until_at:
                break
            self.at = Instant(max(self.at, next_at))
            if later <= next_at:
                heappop(self._later)[2]()
            else:
                self._rings_due()
        self.at = Instant(until_at)

    def _present(self) -> list[tuple[Any, State]]:
        return [each for each in self._services if each[0].name not in self._missed]

    def _rings_due(self) -> None:
        for decider, state in self._present():
            timer = next(iter(state.due(self.at)), None)
            if timer is not None:
                self.hears(
                    TimerDue(
                        service=decider.name,
                        timer_id=timer.timer_id,
                        due_at=timer.due_at,
                        kind=timer.kind,
                        subject=timer.subject,
                    )
                )
                return

    # Phones

    def _do(self, command: Command) -> None:
        match command:
            case telephony.AnswerLeg(leg_id=leg_id) if leg_id in self.phones:
                self.phones[leg_id].is_up = True
                self.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))
            case telephony.DialLeg(leg_id=leg_id) if reason := self.refusal(command):
                self.hears(
                    gateway.CommandRefused(
                        pbx_id=MOSCOW, command=type_name(command), reason=reason, leg_id=leg_id
                    )
                )
            case telephony.DialLeg(leg_id=leg_id, address=address):
                self.phones[leg_id] = Phone(is_up=False)
                self.hears(
                    gateway.LegRequested(pbx_id=MOSCOW, leg_id=leg_id, address=address),
                    gateway.LegRinging(pbx_id=MOSCOW, leg_id=leg_id),
                )
            case telephony.CancelLeg(leg_id=leg_id, keeps_answered=keeps) if leg_id in self.phones:
                if not (keeps and self.phones[leg_id].is_up):
                    self.ends(leg_id, Outcome.CANCELLED, by=EndedBy.US)
            case telephony.HangUp(leg_id=leg_id) if leg_id in self.phones:
                self.ends(leg_id, by=EndedBy.US)
            case telephony.Bridge():
                self._bridge(command)
            case telephony.Play() if command.leg_id in self.phones:
                self._play(command)
            case telephony.StopPlay(leg_id=leg_id) if leg_id in self.phones:
                self._stop(leg_id)
            case _:
                pass

    def _bridge(self, command: telephony.Bridge) -> None:
        if all(leg_id in self.phones and self.phones[leg_id].is_up for leg_id in command.legs):
            for leg_id in command.legs:
                self._stop(leg_id)
            bridge_id = BridgeId(command.bridge_id)
            self.hears(gateway.Bridged(pbx_id=MOSCOW, bridge_id=bridge_id, legs=command.legs))

    def _play(self, play: telephony.Play) -> None:
        phone = self.phones[play.leg_id]
        if play.interrupts:
            self._stop(play.leg_id)
        phone.plays.append(play)
        if len(phone.plays) == 1:
            self._in(_length_ms(play), lambda: self._heard(play))

    def _heard(self, play: telephony.Play) -> None:
        phone = self.phones.get(play.leg_id)
        if phone is None or not phone.plays or phone.plays[0] is not play:
            return
        phone.plays.popleft()
        if phone.plays:
            following = phone.plays[0]
            self._in(_length_ms(following), lambda: self._heard(following))
        self._finished(play, was_interrupted=False)

    def _stop(self, leg_id: LegId) -> None:
        phone = self.phones[leg_id]
        stopped, phone.plays = phone.plays, deque()
        for play in stopped:
            self._finished(play, was_interrupted=True)

    def _finished(self, play: telephony.Play, *, was_interrupted: bool) -> None:
        self.hears(
            gateway.PlayFinished(
                pbx_id=MOSCOW,
                leg_id=play.leg_id,
                play_id=play.play_id,
                ok=True,
                was_interrupted=was_interrupted,
            )
        )

    def ends(self, leg_id: str, outcome: Outcome = Outcome.COMPLETED, *, by: EndedBy = EndedBy.PARTY) -> None:
        """A leg ends."""
        del self.phones[LegId(leg_id)]
        self.hears(gateway.LegEnded(pbx_id=MOSCOW, leg_id=LegId(leg_id), outcome=outcome, by=by))

    def picks_up(self, leg_id: str) -> None:
        """This phone is answered."""
        self.phones[LegId(leg_id)].is_up = True
        self.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId(leg_id)))

    # People

    def calls(
        self, name: str, number: str, *, line: str = SALES_LINE, department_id: DepartmentId = SALES
    ) -> PlaceId:
        """A customer calls, and routing hands the call to a department."""
        leg_id = LegId(name)
        self.phones[leg_id] = Phone(is_up=False)
        self.hears(gateway.CallArrived(pbx_id=MOSCOW, leg_id=leg_id, caller=number, line=line))
        self.hears(
            routing.DepartmentReached(
                pbx_id=MOSCOW,
                leg_id=leg_id,
                caller=number,
                line=line,
                department_id=department_id,
                rule=routing.Rule.DEPARTMENT_LINE,
            )
        )
        return PlaceId(f"p.{name}")

    def presses(self, name: str, digits: str = "1") -> None:
        """A key is pressed, which stops a play that a key may interrupt."""
        leg_id = LegId(name)
        if any(play.barge_in for play in self.phones[leg_id].plays):
            self._stop(leg_id)
        self.hears(gateway.DigitsEntered(pbx_id=MOSCOW, leg_id=leg_id, digits=digits))

    def orders(self, name: str, number: str, **where: Any) -> CallbackId:
        """A customer calls, waits for the invitation, presses 1, hears the read-back, and hangs up."""
        self.calls(name, number, **where)
        self.waits(31_000)
        self.presses(name)
        self.waits(1_000)
        self.ends(name)
        return CallbackId(f"cb.p.{name}")

    def asks(self, name: str, number: str, department_id: DepartmentId = SALES) -> CallbackId:
        """A customer orders a callback on the web."""
        callback_id = CallbackId(name)
        self.hears(
            directory.CallbackAsked(callback_id=callback_id, department_id=department_id, number=number)
        )
        return callback_id

    def agent_leg(self, agent_id: AgentId) -> LegId:
        """The leg on which an agent is rung or talks."""
        line = self.queue.activity(agent_id)
        if line.offer_id is not None:
            return self.queue.offers[line.offer_id].open_legs[0]
        assert line.leg_id is not None, f"nothing rings at {agent_id}, who is on no call"
        return line.leg_id

    def answers(self, agent_id: AgentId) -> None:
        """An agent picks up."""
        self.picks_up(self.agent_leg(agent_id))

    def drops(self, agent_id: AgentId) -> None:
        """An agent hangs up."""
        self.ends(self.agent_leg(agent_id))

    def is_rung(self, agent_id: AgentId) -> bool:
        """Whether an agent has an offer."""
        return self.queue.activity(agent_id).offer_id is not None

    def rung_for(self, agent_id: AgentId) -> PlaceId | None:
        """The place for which an agent is rung."""
        offer_id = self.queue.activity(agent_id).offer_id
        return None if offer_id is None else self.queue.offers[offer_id].place_id

    def is_free(self, agent_id: AgentId) -> bool:
        """Whether an agent could be rung now."""
        return self.queue.blocked(SALES, agent_id) is None

    # What was said

    def said(self, kind: type[M]) -> list[M]:
        """All messages of a type so far."""
        messages: list[Message] = [*(fact for _, _, fact in self.log), *(each for _, each in self.commands)]
        return [message for message in messages if isinstance(message, kind)]

    def last(self, kind: type[M]) -> M:
        """The last message of a type."""
        return self.said(kind)[-1]

    def said_at(self, kind: type[M]) -> list[int]:
        """When facts of a type were said, in ms after nine."""
        return [at - NINE for at, _, fact in self.log if isinstance(fact, kind)]

    def customer_legs(self) -> list[LegId]:
        """Legs of customers who are being called or were called."""
        legs = [fact.leg_id for fact in self.said(callback.CustomerDialled)]
        legs += [fact.leg_id for fact in self.said(callback.ApologyDialled)]
        return [leg_id for leg_id in legs if leg_id in self.phones]

    def offers_of(self, place_id: PlaceId) -> list[queue.OfferMade]:
        """All offers of a place."""
        return [fact for fact in self.said(queue.OfferMade) if fact.place_id == place_id]


def _length_ms(play: telephony.Play) -> int:
    return sum(TONE_MS if "ringing_tone" in key else PART_MS for key in play.media)
