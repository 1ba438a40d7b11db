"""Invariants about turns: when agents are freed, and the order of service (Q1 to Q3, C6 to C8).

They use facts alone and not the queue's state, so they detect a queue whose state is wrong about free agents
or the first place. Where the log leaves something open, they do not judge.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from contracts import callback, dialling, gateway, queue
from contracts.directory import StrategyKind
from contracts.gateway import EndedBy
from contracts.ids import Instant
from contracts.log import TimerDue
from devtools.invariants import OFFER_ENDS
from tests.sim.agent_model import Seats
from tests.sim.timeline import Timeline, timeline
from tests.sim.world import Run, Said

FREED_MS_MAX: Final = 2_000
"""C6, if services and PBX are up."""
ROUND_TRIPS: Final = 2
"""Two round trips to the PBX, for the notice and for the end: usually some hundredths of a second."""
SLOW_MS: Final = 100
"""On a slower network a notice may come too late to be heard to its end, and is cut off."""
WORD_MS_MAX: Final = 2_000
"""C7: how long a lost agent waits for callback's fact about the attempt."""
WORDS: Final = (callback.AgentLost, callback.AttemptFailed, callback.CustomerHeld, callback.CallbackEnd)
"""Callback's facts about an attempt whose agent has gone."""
BESIDE_MS_MAX: Final = 12_000
"""Longer than any pause after an offer that failed: ten seconds after a decline (Q8), five between rounds."""
OPENED_MS: Final = 2_000
"""Two places that open at once are handled one after the other."""
TRIED_MS: Final = 15_000
"""An agent who was rung for a place so recently may have had the turn in its round."""
ROUND_PAUSE_MS: Final = 5_000
"""Q1: how long after the last offer of a round its agents may be rung again."""
STEP_SLACK_MS: Final = 100
DROPS_MAX: Final = 3
"""C7: after three drops the place ranks by its joining time."""
DROPS_ALIKE: Final = 2
"""C7: an agent is rung again at once after the first drop; from this one on, a drop is like a decline."""
DROPPED_MS: Final = 10_000
"""Q8."""


def an_agent_whose_attempt_is_over_is_told_and_freed(run: Run) -> Iterator[str]:
    """The agent is told and freed within two seconds (C6)."""
    line = timeline(run)
    ended = {each.fact.leg_id: each for each in line.of(gateway.LegEnded)}  # type: ignore[attr-defined]
    plays = line.of(gateway.PlayFinished)
    bridged = {leg: each.offset for each in line.of(gateway.Bridged) for leg in each.fact.legs}  # type: ignore[attr-defined]
    hung_up = line.hung_up_unheard()
    for each, leg_id in _attempts_over(line):
        end = ended.get(leg_id)
        if end is not None and end.offset < each.offset:
            continue
        if bridged.get(leg_id, -1) > each.offset:
            continue
        late_ms = line.clean_ms(each.at, each.at + 3_600_000 if end is None else end.at)
        if late_ms > FREED_MS_MAX + ROUND_TRIPS * 2 * line.latency_ms:
            yield f"{leg_id} is held for {late_ms} ms after {each.envelope.type} at {each.at}"
        if end is None or end.fact.by is not EndedBy.US or line.latency_ms > SLOW_MS:  # type: ignore[attr-defined]
            continue
        # Who had hung up was not cut off, though no decider could know it. They must free him all the same.
        if hung_up.get(leg_id, end.offset) < end.offset:
            continue
        is_told = any(
            play.fact.leg_id == leg_id and play.fact.ok and not play.fact.was_interrupted  # type: ignore[attr-defined]
            for play in plays
            if each.offset < play.offset < end.offset
        )
        if not is_told and line.clean_ms(each.at, end.at) == end.at - each.at:
            yield f"{leg_id} is cut off without a word after {each.envelope.type} at {each.at}"


def _attempts_over(line: Timeline) -> Iterator[tuple[Said, str]]:
    """Attempts that ended while their agent was on the line, each with the agent's leg."""
    agents: dict[str, str] = {}
    starts = (callback.AttemptStarted, callback.AgentLost, callback.AttemptFailed)
    for each in sorted((*line.of(*starts), *line.ends()), key=lambda each: each.offset):
        fact: Any = each.fact
        if isinstance(fact, callback.AttemptStarted):
            agents[fact.callback_id] = fact.agent_leg_id
        elif isinstance(fact, callback.AgentLost | callback.CallbackConnected):
            agents.pop(fact.callback_id, None)
        elif fact.callback_id in agents:
            yield each, agents.pop(fact.callback_id)


def an_agent_who_accepts_a_caller_who_has_gone_is_freed(run: Run) -> Iterator[str]:
    """The agent is told and freed, unless the callback goes on with this agent (Q7, EC-27)."""
    line = timeline(run)
    callers: dict[str, str | None] = {}
    gone: set[str] = set()
    places: dict[str, str] = {}
    alone_at: dict[str, int] = {}
    for _, at, each in line.seen_by("queue"):
        over: tuple[str, ...] = ()
        fact: Any = each.fact
        match fact:
            case queue.PlaceTaken(place_id=place_id, leg_id=leg_id):
                callers[place_id] = leg_id
            case queue.CallbackTakenOver(place_id=place_id) | callback.CustomerHeld(place_id=place_id):
                callers[place_id] = fact.leg_id
            case queue.OfferAccepted(place_id=place_id, leg_id=leg_id):
                places[leg_id] = place_id
                if callers.get(place_id) in gone:
                    alone_at[leg_id] = at
            case gateway.LegEnded(leg_id=leg_id):
                gone.add(leg_id)
                left = [agents for agents, place_id in places.items() if callers.get(place_id) == leg_id]
                alone_at.update(dict.fromkeys(left, at))
                over = (leg_id,)
            case gateway.Bridged() | queue.AgentReady():
                over = (*getattr(fact, "legs", ()), getattr(fact, "leg_id", ""))
            case _:
                pass
        for own in over:
            yield from _left_alone(line, own, places.pop(own, ""), alone_at.pop(own, at), at)
    for own, since in alone_at.items():
        yield from _left_alone(line, own, places[own], since, since + 3_600_000)


def _left_alone(line: Timeline, leg_id: str, place_id: str, since: int, at: int) -> Iterator[str]:
    alone_ms = line.clean_ms(since, at)
    if alone_ms > FREED_MS_MAX + ROUND_TRIPS * 2 * line.latency_ms:
        yield f"{leg_id} is left alone for {alone_ms} ms with {place_id}, whose caller has gone"


def an_agent_freed_from_a_callback_waits_for_its_word(run: Run) -> Iterator[str]:
    """Else the agent is rung for another customer before that place is first again (C7)."""
    line = timeline(run)
    with_callback: dict[str, tuple[str, str]] = {}
    left_at: dict[str, int] = {}
    for _, at, each in line.seen_by("queue"):
        fact: Any = each.fact
        if isinstance(fact, queue.AgentReady):
            with_callback[fact.agent_id] = (fact.callback_id, fact.leg_id)
            left_at.pop(fact.agent_id, None)
        elif isinstance(fact, WORDS):
            for agent_id in [id_ for id_, (own, _) in with_callback.items() if own == fact.callback_id]:
                del with_callback[agent_id]
        elif isinstance(fact, gateway.LegEnded):
            for agent_id, (_, leg_id) in with_callback.items():
                if leg_id == fact.leg_id:
                    left_at[agent_id] = at
        elif isinstance(fact, queue.OfferMade) and at - left_at.get(fact.agent_id, 0) < WORD_MS_MAX:
            if fact.agent_id not in with_callback:
                continue
            callback_id = with_callback[fact.agent_id][0]
            yield f"{fact.offer_id} rings {fact.agent_id} before {callback_id} has said what became of it"


def who_drops_a_callback_is_not_rung_for_it_at_once_again(run: Run) -> Iterator[str]:
    """The agent is rung once at once, and then after ten seconds (C7, Q8)."""
    line = timeline(run)
    drops: dict[tuple[str, str], list[int]] = {}
    for _, at, each in line.seen_by("queue"):
        match each.fact:
            case callback.AgentLost(place_id=place_id, agent_id=agent_id):
                drops.setdefault((place_id, agent_id), []).append(at)
            case queue.OfferMade(place_id=place_id, agent_id=agent_id, offer_id=offer_id):
                dropped = drops.get((place_id, agent_id), [])
                if len(dropped) >= DROPS_ALIKE and at - dropped[-1] < DROPPED_MS:
                    yield f"{offer_id} rings {agent_id} {at - dropped[-1]} ms after drop {len(dropped)}"
            case _:
                pass


def a_step_is_freed_by_the_end_of_its_own_agent(run: Run) -> Iterator[str]:
    """Cumulative: an early decline lets no other agent ring before the time (Q1)."""
    line = timeline(run)
    last: dict[str, tuple[int, str, int]] = {}
    ended: set[str] = set()
    for offset, at, each in line.seen_by("queue"):
        fact: Any = each.fact
        if isinstance(fact, OFFER_ENDS):
            ended.add(fact.offer_id)
        if isinstance(fact, queue.OfferReopened | queue.AgentReady):
            last.pop(fact.place_id, None)
        if not isinstance(fact, queue.OfferMade):
            continue
        department = line.department(fact.department_id, offset)
        if department is None or department.strategy.kind is not StrategyKind.CUMULATIVE:
            continue
        before = last.get(fact.place_id)
        last[fact.place_id] = (fact.round, fact.offer_id, at)
        step_ms = 10_000 if department.strategy.step_ms is None else department.strategy.step_ms
        if before is None or before[0] != fact.round or before[1] in ended:
            continue
        early_ms = step_ms - (at - before[2])
        if early_ms > STEP_SLACK_MS:
            yield f"{fact.offer_id} rings {early_ms} ms before the step of {before[1]} is over"


class Waiting(msgspec.Struct, kw_only=True, eq=False):
    """One place, from the log alone."""

    fact: queue.PlaceTaken
    joined_at: int
    deadline_at: int
    leg_id: str | None
    callback_id: str | None = None
    offers: set[str] = msgspec.field(default_factory=set)
    open_since: int | None = 0
    """When it began to wait without any agent being rung; None if it does not."""
    not_before: int = 0
    is_gap_over: bool = True
    """Whether the gap's timer was on the log: after an outage the queue reads the gap's end late."""
    is_ordering: bool = False
    is_told_of_callback: bool = False
    is_with_agent: bool = False
    drops: int = 0
    is_first: bool = False
    rung_at: dict[str, int] = msgspec.field(default_factory=dict)
    round: int = 0
    tried: set[str] = msgspec.field(default_factory=set)
    """Who was rung in this round."""
    dropped_at: dict[str, list[int]] = msgspec.field(default_factory=dict)

    @property
    def rank(self) -> tuple[int, int]:
        """Its rank (Q3)."""
        return (0 if self.is_first else 1, self.joined_at)

    def may_pass_over(self, agent_id: str, at: int) -> bool:
        """Whether this agent may be rung for a later place first.

        A drop counts as a decline from the agent's second one on (C7, Q8), from callback's word about it: the
        agent may have answered long before that. After the first drop the agent may be rung at once.
        """
        dropped = self.dropped_at.get(agent_id, [])
        if len(dropped) >= DROPS_ALIKE and at - dropped[-1] < DROPPED_MS:
            return True
        if agent_id in self.tried and at - max(self.rung_at.values()) < ROUND_PAUSE_MS + STEP_SLACK_MS:
            return True  # the round has just ended, and began long ago
        return at - self.rung_at.get(agent_id, 0) < TRIED_MS


class Places:
    """All places and agents, updated fact by fact, as the queue sees them."""

    def __init__(self, line: Timeline) -> None:
        self._line = line
        self.places: dict[str, Waiting] = {}
        self.seats = Seats()

    def hear(self, at: int, record: Said) -> None:
        """Hear one fact."""
        self.seats.hear(at, record.fact)
        self._hear_queue(at, record.fact)
        self._hear_callback(at, record.fact)
        if isinstance(record.fact, gateway.LegEnded):
            for place in self.places.values():
                if place.leg_id == record.fact.leg_id:
                    place.leg_id = None

    def _hear_queue(self, at: int, fact: Any) -> None:
        match fact:
            case queue.PlaceTaken(place_id=place_id):
                self.places[place_id] = Waiting(
                    fact=fact,
                    joined_at=fact.joined_at,
                    deadline_at=fact.deadline_at,
                    leg_id=fact.leg_id,
                    callback_id=fact.callback_id,
                    open_since=at,
                )
            case queue.CallbackRequested(place_id=place_id) if place_id in self.places:
                self.places[place_id].is_ordering = True
            case queue.AnnouncementMade(place_id=place_id, kind=kind) if place_id in self.places:
                self.places[place_id].is_told_of_callback |= kind is queue.AnnouncementKind.CALLBACK_EXISTS
            case queue.CallbackJoined(new_place_id=place_id) if place_id in self.places:
                self.places[place_id].is_ordering = True
            case callback.JoinRefused(new_place_id=place_id) if place_id in self.places:
                self.places[place_id].is_ordering = False
                self.places[place_id].open_since = at
                self.places[place_id].is_with_agent = False
            case queue.CallbackTakenOver(place_id=place_id, new_place_id=new_place_id):
                self._merge(at, place_id, new_place_id, fact.leg_id)
            case (
                queue.PlaceConnected(place_id=place_id)
                | queue.PlaceAbandoned(place_id=place_id)
                | queue.PlaceDiverted(place_id=place_id)
                | queue.PlaceClosed(place_id=place_id)
                | queue.NoAnswerReached(place_id=place_id)
                | queue.DeadlinePassed(place_id=place_id)
                | queue.CustomerTalked(place_id=place_id)
            ):
                self.places.pop(place_id, None)
            case TimerDue(service="queue", kind="held", subject=place_id) if place_id in self.places:
                self.places[place_id].is_gap_over = True
            case _:
                self._hear_offers(at, fact)

    def _hear_offers(self, at: int, fact: Any) -> None:
        match fact:
            case queue.OfferMade(place_id=place_id) if place_id in self.places:
                place = self.places[place_id]
                place.offers.add(fact.offer_id)
                place.rung_at[fact.agent_id] = at
                place.tried = {fact.agent_id} | (place.tried if fact.round == place.round else set())
                place.round = fact.round
                place.open_since = None
            case queue.OfferReopened(place_id=place_id) if place_id in self.places:
                self.places[place_id].open_since = at
            case _ if isinstance(fact, OFFER_ENDS):
                self._offer_ended(at, fact)
            case _:
                pass

    def _offer_ended(self, at: int, fact: Any) -> None:
        place = self.places.get(fact.place_id)
        if place is None or fact.offer_id not in place.offers:
            return
        place.offers.discard(fact.offer_id)
        place.rung_at[fact.agent_id] = at
        if isinstance(fact, queue.OfferAccepted):
            place.offers.clear()
            place.open_since = None
            place.is_with_agent = True
        elif not place.offers and place.open_since is None:
            place.open_since = at

    def _merge(self, at: int, place_id: str, new_place_id: str, leg_id: str) -> None:
        place, new = self.places.get(place_id), self.places.pop(new_place_id, None)
        if place is None or new is None:
            return
        place.joined_at = min(place.joined_at, new.joined_at)
        place.deadline_at = max(place.deadline_at, new.deadline_at)
        place.leg_id = leg_id
        place.not_before, place.is_gap_over = 0, True
        if not place.offers:
            place.open_since = at

    def _hear_callback(self, at: int, fact: Any) -> None:
        place = self.places.get(getattr(fact, "place_id", None) or "")
        if place is None:
            return
        if isinstance(fact, WORDS):
            place.is_with_agent = False
        match fact:
            case callback.CallbackOrdered():
                place.is_ordering, place.callback_id = False, fact.callback_id
            case callback.CallbackConfirmed(new_place_id=new_place_id) if new_place_id in self.places:
                new = self.places[new_place_id]
                place.joined_at = min(place.joined_at, new.joined_at)
                place.leg_id = place.leg_id or new.leg_id  # unless callback was behind, and it has ended
                place.deadline_at = fact.deadline_at or place.deadline_at
                new.is_ordering = True  # it ends
            case callback.CallbackRefused() | callback.OrderAbandoned():
                place.is_ordering = False
            case callback.AgentLost(agent_id=agent_id):
                place.dropped_at.setdefault(agent_id, []).append(at)
                place.drops += 1
                place.is_first = place.drops < DROPS_MAX
                place.open_since = at
            case callback.CustomerHeld():
                place.is_first, place.open_since, place.leg_id = True, at, fact.leg_id
                place.not_before, place.is_gap_over = 0, True
            case callback.AttemptFailed(next_attempt_at=next_attempt_at):
                place.is_first, place.leg_id = False, None
                place.open_since = None if next_attempt_at is None else max(at, next_attempt_at)
                place.not_before = next_attempt_at or 0
                place.is_gap_over = False
            case _:
                pass

    def is_open(self, place: Waiting, offset: int, at: int) -> bool:
        """Whether it waits for an agent, no agent is rung for it, and it may have one."""
        if place.open_since is None or place.offers or place.is_ordering:
            return False
        if at < place.not_before or at >= place.deadline_at:
            return False
        department = self._line.department(place.fact.department_id, offset)
        if place.is_told_of_callback and (department is None or department.waiting_max is not None):
            return False  # this caller may be one too many (C8)
        if place.leg_id is not None or place.callback_id is None:
            return place.leg_id is not None
        return self._may_be_dialled(place, offset, at)

    def _may_be_dialled(self, place: Waiting, offset: int, at: int) -> bool:
        order = self._line.orders.get(place.callback_id or "")
        if order is None:
            return False
        number = order.number_at(offset)
        if self._line.was_erased(number, order.ordered.offset, offset):
            return False  # nobody is rung for it any more (V6)
        if any(self._line.legs_of(number, offset)):
            return False
        if any(each.is_with_agent and each.fact.caller == number for each in self.places.values()):
            return False  # another department is about to call the same customer
        office = self._line.office(offset)
        if office is None or dialling.refusal(number, office.dialling_policy) is not None:
            return False
        if order.fact.origin is callback.Origin.QUEUE:
            return True
        department = self._line.department(place.fact.department_id, offset)
        return department is not None and dialling.quiet_until(Instant(at), department.timezone) is None


def nobody_who_joined_later_is_served_first(run: Run) -> Iterator[str]:
    """No later place before an earlier one; a merged place has its earliest joining time (Q3, C8)."""
    line = timeline(run)
    now = Places(line)
    for offset, at, each in line.seen_by("queue"):
        fact: Any = each.fact
        if isinstance(fact, queue.OfferMade) and fact.place_id in now.places:
            own = now.places[fact.place_id]
            for place_id, other in now.places.items():
                if other.fact.department_id != fact.department_id or other.rank >= own.rank:
                    continue
                if not now.is_open(other, offset, at) or not other.is_gap_over:
                    continue
                if other.may_pass_over(fact.agent_id, at):
                    continue
                if line.clean_ms(other.open_since or 0, at) > OPENED_MS and _is_unlimited(line, fact, offset):
                    yield f"{fact.offer_id} at {at} goes before {place_id}, which waits for {fact.agent_id}"
        now.hear(at, each)


def _is_unlimited(line: Timeline, fact: queue.OfferMade, offset: int) -> bool:
    """Whether the department has no limit of phones: with one, the log does not show which agents fit."""
    department = line.department(fact.department_id, offset)
    return department is not None and department.legs_max is None


def nobody_waits_beside_a_free_agent(run: Run) -> Iterator[str]:
    """No place waits beside a free agent, also in gaps and when places merge (Q3)."""
    line = timeline(run)
    now = Places(line)
    found: set[tuple[str, str]] = set()
    looked_at = 0
    for offset, at, each in line.seen_by("queue"):
        # Checking once a second is enough for waits of twelve, and costs a tenth.
        is_time = at - looked_at >= 1_000
        looked_at = at if is_time else looked_at
        if is_time:
            for place_id, agent_id, since in list(_beside(line, now, offset, at)):
                if (place_id, agent_id) not in found and line.clean_ms(since, at) > BESIDE_MS_MAX:
                    found.add((place_id, agent_id))
                    yield f"{place_id} waits beside {agent_id} from {since} to {at}"
        now.hear(at, each)


def _beside(line: Timeline, now: Places, offset: int, at: int) -> Iterator[tuple[str, str, int]]:
    """Places that wait too long beside a free agent, and since when."""
    for place_id, place in now.places.items():
        if not now.is_open(place, offset - 1, at - 1):
            # Any fact may open the place: the wait counts from there.
            place.open_since = None if place.open_since is None else max(at, place.open_since)
            continue
        department = line.department(place.fact.department_id, offset)
        if department is None or department.legs_max is not None:
            continue
        for seat in department.agents:
            free_since = None if seat.is_suspended else now.seats.free_since(seat.agent_id, at)
            if free_since is None:
                continue
            since = max(free_since, place.open_since or 0, place.rung_at.get(seat.agent_id, 0))
            if at - since > BESIDE_MS_MAX:
                yield place_id, seat.agent_id, since


TURNS: Final = (
    an_agent_whose_attempt_is_over_is_told_and_freed,
    an_agent_who_accepts_a_caller_who_has_gone_is_freed,
    an_agent_freed_from_a_callback_waits_for_its_word,
    who_drops_a_callback_is_not_rung_for_it_at_once_again,
    a_step_is_freed_by_the_end_of_its_own_agent,
    nobody_who_joined_later_is_served_first,
    nobody_waits_beside_a_free_agent,
)
