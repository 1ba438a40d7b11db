"""Actions in reaction to events: a customer calls again while a callback is open.

An ordinary call comes at a random instant, and hits the few seconds of a whisper, or of a due apology, once
in a hundred mornings. Here a watcher reads the log and acts when a callback is in a certain phase. Actions
are drawn from a separate random stream, so that a seed's other calls stay the same.
"""

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from contracts import callback, codec, queue, routing
from contracts.dialling import DiallingPolicy
from contracts.directory import CallbackAsked, DepartmentSaved, OrganizationSaved
from contracts.history import CustomerErased
from contracts.ids import CallbackId, DepartmentId, LegId
from contracts.message import Fact, Message, type_name
from runtime.ports import Outgoing
from tests.sim import direct
from tests.sim.interventions import Doings


class Moment(StrEnum):
    """A phase of a customer's wait; `BEGINS` has the fact with which each begins."""

    JOINED = "a caller waits on the line"
    WAITING = "the callback waits"
    OFFERED = "an agent's phone rings for it"
    WHISPER = "its agent hears whom"
    RINGING = "the customer's phone rings"
    ANSWERED = "the customer answers"
    GAP = "it waits for the next attempt"
    LAST_SECONDS = "its deadline is near"
    DUE = "its apology is due"
    APOLOGY = "the apology's call rings"
    AGAIN_DUE = "its apology is due once more"
    ENDED = "it has ended"
    RUNG_AGAIN = "an agent's phone rings for another call of a customer whose callback stands"
    RUNG_DIRECTLY = "an employee's phone rings for a direct call"


BEGINS: Final[dict[str, Moment]] = {
    type_name(queue.PlaceTaken): Moment.JOINED,
    type_name(callback.CallbackOrdered): Moment.WAITING,
    type_name(queue.OfferMade): Moment.OFFERED,
    type_name(callback.AttemptStarted): Moment.WHISPER,
    type_name(callback.CustomerDialled): Moment.RINGING,
    type_name(callback.CustomerAnswered): Moment.ANSWERED,
    type_name(callback.AttemptFailed): Moment.GAP,
    type_name(callback.ApologyQueued): Moment.DUE,
    type_name(callback.ApologyDialled): Moment.APOLOGY,
    type_name(callback.ApologyFailed): Moment.AGAIN_DUE,
    type_name(routing.PersonRung): Moment.RUNG_DIRECTLY,
    **{type_name(each): Moment.ENDED for each in callback.CallbackEnd.__subclasses__()},
}

IN_A_CALLBACK: Final = (
    *(Moment.WAITING, Moment.OFFERED, Moment.WHISPER, Moment.RINGING, Moment.GAP, Moment.LAST_SECONDS),
    *(Moment.DUE, Moment.APOLOGY, Moment.AGAIN_DUE, Moment.ENDED),
)
AFTER_S_MAX: Final = {
    Moment.JOINED: 15.0,
    Moment.WAITING: 20.0,
    Moment.OFFERED: 4.0,
    Moment.WHISPER: 6.0,
    Moment.RINGING: 6.0,
    Moment.ANSWERED: 0.3,
    Moment.GAP: 12.0,
    Moment.LAST_SECONDS: 12.0,
    Moment.DUE: 3.0,
    Moment.APOLOGY: 5.0,
    Moment.AGAIN_DUE: 50.0,
    Moment.ENDED: 30.0,
    Moment.RUNG_AGAIN: 2.0,
    Moment.RUNG_DIRECTLY: 1.0,
}
STRANGERS: Final = [f"+7916888{number:04d}" for number in range(24)]
"""Other callers; nobody answers their phones."""
CROWD: Final = 4
WAITS: Final[tuple[dict[str, Any], ...]] = ({"wait_s": 60.0}, {"hang_up": True})
ORDERS: Final[tuple[dict[str, Any], ...]] = (
    {"after": "invitation"},
    {"press": "1"},
    {"wait_s": 6.0},
    {"hang_up": True},
)
LAST_SECONDS_S: Final = 14.0
"""How long before the deadline its last seconds begin."""
CHANGED_VERSION: Final = 50
"""A version newer than those of the morning's own changes."""


class CallIn(msgspec.Struct, frozen=True, kw_only=True):
    """The customer calls the department that owes the callback, or another one."""

    line: str | None
    then: tuple[dict[str, Any], ...]


class AskOnline(msgspec.Struct, frozen=True, kw_only=True):
    """The customer fills in the form on the web site, too."""


class Forbid(msgspec.Struct, frozen=True, kw_only=True):
    """The administrator switches dialling off, or bars this customer; after a while it is as before."""

    for_s: float
    is_switch: bool


class NightFalls(msgspec.Struct, frozen=True, kw_only=True):
    """The department's clock is set to a zone in which it is night."""


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """Strangers call the department, then the customer does: too many wait in it."""

    then: tuple[dict[str, Any], ...]


class OrderTwice(msgspec.Struct, frozen=True, kw_only=True):
    """A stranger waits on the line, others join; the stranger orders on the web site and then presses 1."""


class AgentLeaves(msgspec.Struct, frozen=True, kw_only=True):
    """The agent who answered for the customer is cut off."""


class Vanish(msgspec.Struct, frozen=True, kw_only=True):
    """The PBX goes away, for seconds or for more than an hour."""

    for_s: float


class FallBehind(msgspec.Struct, frozen=True, kw_only=True):
    """A decider stands still, while customers and agents go on."""

    service: str
    for_s: float


class OrderAgain(msgspec.Struct, frozen=True, kw_only=True):
    """The customer presses 1 on the line and soon hangs up; callback stands still meanwhile."""

    for_s: float
    leaves_after_s: float


class BeErased(msgspec.Struct, frozen=True, kw_only=True):
    """The customer is erased, and a decider hears of it late; on the line just after a 1 (V6)."""

    service: str
    for_s: float
    after_s: float


Deed = (
    CallIn
    | AskOnline
    | Forbid
    | NightFalls
    | Crowd
    | OrderTwice
    | AgentLeaves
    | Vanish
    | FallBehind
    | OrderAgain
    | BeErased
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One action, so long after the first such moment begins."""

    moment: Moment
    after_s: float
    deed: Deed


def plans(chance: random.Random, lines: dict[str, str]) -> tuple[Plan, ...]:
    """The plans of a seed."""
    found = [_calls_again(chance, lines) for _ in range(chance.choice((1, 2, 3)))]
    if chance.random() < 0.3:
        found.append(
            _plan(chance, chance.choice((Moment.JOINED, Moment.JOINED, Moment.WAITING)), AskOnline())
        )
    if chance.random() < 0.2:
        moment = chance.choice((Moment.WAITING, Moment.OFFERED, Moment.WHISPER, Moment.GAP, Moment.DUE))
        for_s = chance.choice((15.0, 60.0, 200.0))
        found.append(_plan(chance, moment, Forbid(for_s=for_s, is_switch=chance.random() < 0.5)))
    if chance.random() < 0.1:
        found.append(_plan(chance, chance.choice(IN_A_CALLBACK[:7]), NightFalls()))
    if chance.random() < 0.15:
        found.append(_plan(chance, chance.choice(IN_A_CALLBACK[:3]), Crowd(then=_manner(chance))))
    if chance.random() < 0.15:
        found.append(_plan(chance, chance.choice((Moment.JOINED, Moment.WAITING)), OrderTwice()))
    if chance.random() < 0.25:
        found.extend(
            _plan(chance, chance.choice((Moment.WHISPER, Moment.RINGING, Moment.ANSWERED)), AgentLeaves())
            for _ in range(chance.choice((1, 2, 4)))
        )
    if chance.random() < 0.15:
        moment = chance.choice((Moment.LAST_SECONDS, Moment.LAST_SECONDS, Moment.DUE, Moment.AGAIN_DUE))
        found.append(_plan(chance, moment, Vanish(for_s=chance.choice((30.0, 17 * 60.0, 70 * 60.0)))))
    return tuple(found)


def _plan(chance: random.Random, moment: Moment, deed: Deed) -> Plan:
    return Plan(moment=moment, after_s=chance.uniform(0.1, AFTER_S_MAX[moment]), deed=deed)


def _calls_again(chance: random.Random, lines: dict[str, str]) -> Plan:
    line = chance.choices(
        (None, *lines.values(), *direct.LINES), (6, *(1,) * (len(lines) + len(direct.LINES)))
    )
    return _plan(chance, chance.choice(IN_A_CALLBACK), CallIn(line=line[0], then=_manner(chance)))


def _manner(chance: random.Random) -> tuple[dict[str, Any], ...]:
    """The customer takes the place over and may leave, waits as a new caller, or gives up."""
    told = ({"during": "callback_exists"}, {"wait_s": chance.uniform(0.2, 8.0)}, {"press": "1"})
    talks = ({"until": "bridged"}, {"wait_s": chance.uniform(3, 40)}, {"hang_up": True})
    leaves = ({"wait_s": chance.uniform(0.5, 25)}, {"hang_up": True})
    return chance.choices(((*told, *talks), (*told, *leaves), talks, leaves), (4, 2, 3, 1))[0]


def phones(chance: random.Random, script: dict[str, Any]) -> dict[str, Any]:
    """An agent who answers and drops repeatedly; customers who hang up at «one moment»; many phones."""
    if chance.random() < 0.2:
        own = chance.choice([phone for pbx in script["pbxs"].values() for phone in pbx["phones"].values()])
        drops = [_drops(chance) for _ in range(DROPS_MAX)]
        own["behaviours"] = [*drops, *own["behaviours"]]
    if chance.random() < 0.3:
        for phone in script["public"].values():
            leaves = [{"during": "one_moment"}, {"wait_s": chance.uniform(0.5, 12)}, {"hang_up": True}]
            phone["behaviours"].insert(0, {"answer_after_s": chance.uniform(1, 4), "then": leaves})
    return script


DROPS_MAX: Final = 12


def _drops(chance: random.Random) -> dict[str, Any]:
    """The agent answers, and hangs up during the whisper or while the customer's phone rings."""
    leaves = [{"wait_s": chance.uniform(0.5, 14.0)}, {"hang_up": True}]
    return {"answer_after_s": chance.uniform(0.5, 2.0), "then": leaves}


RUSH: Final = [f"+7916777{number:04d}" for number in range(24)]
"""Customers of one minute who all order on the web site, while no agent has time for them."""


def rush(chance: random.Random, departments: list[DepartmentSaved]) -> list[tuple[float, Fact]]:
    """They order within some seconds, in the department with the shortest deadline."""
    if chance.random() >= 0.03:
        return []
    shortest = min(departments, key=lambda each: each.no_answer_ms)
    return [
        (
            chance.uniform(5, 15),
            CallbackAsked(
                callback_id=CallbackId(f"rush{number}"), department_id=shortest.department_id, number=number
            ),
        )
        for number in RUSH
    ]


def rushed(chance: random.Random, public: dict[str, Any]) -> None:
    """Their phones' behaviour: few answer at once, so that apologies wait for lines."""
    for number in RUSH:
        answers = {"answer_after_s": chance.uniform(2, 20), "then": [{"wait_s": 14.0}, {"hang_up": True}]}
        public[number] = {"behaviours": [{}, answers] if chance.random() < 0.7 else [answers]}


NAMED: Final = frozenset((direct.FOREIGN, *RUSH))
"""A scenario of the office, or an order's id of the web site, goes on to name these after an erasure."""


class Watchers:
    """Watchers read the log and carry out the plans for its moments."""

    def __init__(
        self,
        plans: tuple[Plan, ...],
        doing: Doings,
        office: OrganizationSaved,
        departments: tuple[DepartmentSaved, ...],
    ) -> None:
        self._plans = list(plans)
        self._doing = doing
        self._office = office
        self._departments = {each.department_id: each for each in departments}
        self._customers: dict[str, tuple[str, DepartmentId]] = {}
        self._version = CHANGED_VERSION
        self._seen: set[bytes] = set()
        self._agent_legs: dict[str, LegId] = {}
        self._calls: dict[str, tuple[str, DepartmentId]] = {}
        self._lines: dict[str, LegId] = {}
        self._standing: set[tuple[str, DepartmentId]] = set()
        self._strangers = 0

    def watch(self, records: Sequence[Outgoing]) -> None:
        """Read new records of the log; repeats are ignored."""
        for record in records:
            headers = dict(record.headers)
            name = headers["ce_type"].decode()
            if self._plans and name in BEGINS and headers["ce_id"] not in self._seen:
                self._seen.add(headers["ce_id"])
                self.heard(codec.decode(name, record.value))

    def heard(self, fact: Message) -> None:
        """Hear a fact of the log."""
        moment = BEGINS[type_name(fact)]
        if isinstance(fact, callback.AttemptStarted) and fact.callback_id in self._customers:
            self._agent_legs[self._customers[fact.callback_id][0]] = fact.agent_leg_id
        customer = self._customer(fact)
        if customer is None:
            if isinstance(fact, queue.OfferMade) and self._calls.get(fact.place_id) in self._standing:
                self._begins(Moment.RUNG_AGAIN, self._calls[fact.place_id])
            return
        self._note(fact, customer)
        if isinstance(fact, callback.CallbackOrdered):
            near_s = (fact.deadline_at - self._doing.now()) / 1000 - LAST_SECONDS_S
            self._doing.later(max(0.0, near_s), lambda: self._begins(Moment.LAST_SECONDS, customer))
        self._begins(moment, customer)

    def _note(self, fact: Any, customer: tuple[str, DepartmentId]) -> None:
        match fact:
            case queue.PlaceTaken(place_id=place_id, leg_id=leg_id) if leg_id is not None:
                self._calls[place_id] = customer
                self._lines[customer[0]] = leg_id
            case callback.CallbackOrdered():
                self._standing.add(customer)
            case callback.CallbackEnd():
                self._standing.discard(customer)
            case _:
                pass

    def _customer(self, fact: Any) -> tuple[str, DepartmentId] | None:
        """The customer of a fact, if one waits for a callback or on the line; else None."""
        if isinstance(fact, routing.PersonRung):
            return ("", next(iter(self._departments)))  # of no department: only deeds to everybody
        if isinstance(fact, queue.PlaceTaken):
            is_caller = fact.callback_id is None and fact.caller is not None and not fact.is_internal
            return (fact.caller or "", fact.department_id) if is_caller else None
        if isinstance(fact, callback.CallbackOrdered):
            customer = (fact.number, fact.department_id)
            self._customers[fact.place_id] = self._customers[fact.callback_id] = customer
            return customer
        return self._customers.get(fact.place_id if isinstance(fact, queue.OfferMade) else fact.callback_id)

    def _begins(self, moment: Moment, customer: tuple[str, DepartmentId]) -> None:
        for plan in [each for each in self._plans if each.moment is moment]:
            self._plans.remove(plan)
            self._doing.later(plan.after_s, lambda plan=plan: self._do(plan, *customer))  # type: ignore[misc]

    def _do(self, plan: Plan, number: str, department_id: DepartmentId) -> None:
        line = self._departments[department_id].lines[0]
        match plan.deed:
            case CallIn(line=other, then=then):
                if not self._doing.call(number, other or line, then):
                    self._plans.append(plan)  # he is on the phone: another time, or somebody else
            case Crowd(then=then):
                for _ in range(CROWD):
                    self._stranger_calls(line, WAITS)
                self._doing.later(3.0, lambda: self._doing.call(number, line, then))
            case OrderTwice():
                self._order_twice(department_id)
            case AskOnline():
                asked_id = CallbackId(f"again{number}")
                self._doing.say(
                    CallbackAsked(callback_id=asked_id, department_id=department_id, number=number)
                )
            case AgentLeaves() if number in self._agent_legs:
                self._doing.hang_up(self._agent_legs[number])
            case OrderAgain() | BeErased():
                self._do_unheard(plan, number)
            case _:
                self._do_to_everybody(plan.deed, number, department_id)

    def _do_unheard(self, plan: Plan, number: str) -> None:
        """What a decider that stands still does not hear."""
        match plan.deed:
            case OrderAgain(for_s=for_s, leaves_after_s=leaves_after_s):
                leg_id = self._lines[number]
                self._doing.hold_up("callback", for_s)
                self._doing.press(leg_id, "1")
                self._doing.later(leaves_after_s, lambda: self._doing.hang_up(leg_id))
            case BeErased(service=service, for_s=for_s, after_s=after_s) if number not in NAMED:
                self._doing.hold_up(service, for_s)
                if plan.moment is Moment.JOINED:
                    self._doing.press(self._lines[number], "1")
                self._doing.later(after_s, lambda: self._erase(number))
            case _:
                pass

    def _do_to_everybody(self, deed: Deed, number: str, department_id: DepartmentId) -> None:
        match deed:
            case Forbid(for_s=for_s, is_switch=is_switch):
                self._forbid(number, for_s, is_switch=is_switch)
            case NightFalls():
                self._version += 1
                department = self._departments[department_id]
                self._doing.say(
                    msgspec.structs.replace(department, version=self._version, timezone="America/New_York")
                )
            case Vanish(for_s=for_s):
                self._doing.vanish(for_s)
            case FallBehind(service=service, for_s=for_s):
                self._doing.hold_up(service, for_s)
            case _:
                pass

    def _stranger_calls(self, line: str, then: tuple[dict[str, Any], ...]) -> str:
        number = STRANGERS[self._strangers % len(STRANGERS)]
        self._strangers += 1
        self._doing.call(number, line, then)
        return number

    def _order_twice(self, department_id: DepartmentId) -> None:
        line = self._departments[department_id].lines[0]
        number = self._stranger_calls(line, ORDERS)
        for _ in range(2):
            self._doing.later(2.0, lambda: self._stranger_calls(line, WAITS))
        asked = CallbackAsked(
            callback_id=CallbackId(f"twice{number}"), department_id=department_id, number=number
        )
        self._doing.later(4.0, lambda: self._doing.say(asked))

    def _erase(self, number: str) -> None:
        erasure_id = f"erasure-of-{number}"
        self._doing.say(CustomerErased(number=number, erasure_id=erasure_id, actor="agent/admin"))

    def _forbid(self, number: str, for_s: float, *, is_switch: bool) -> None:
        usual = self._office.dialling_policy
        if is_switch:
            self._save(msgspec.structs.replace(usual, is_on=False))
        else:
            self._save(msgspec.structs.replace(usual, denied_numbers=(*usual.denied_numbers, number)))
        self._doing.later(for_s, lambda: self._save(usual))

    def _save(self, policy: DiallingPolicy) -> None:
        self._version += 1
        self._doing.say(msgspec.structs.replace(self._office, version=self._version, dialling_policy=policy))
