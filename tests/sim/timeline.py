"""Answers checkers' questions about a morning: accepted facts by type, legs that are up, open callbacks, and
how much of a delay is due to outages.

It is made once for a morning and shared by all checkers. It knows messages, but no service's state.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from contracts import callback, gateway
from contracts.directory import DepartmentSaved, OrganizationSaved
from contracts.history import CustomerErased
from contracts.message import Fact
from devtools.invariants import within
from ringback.log_replay import Acceptance
from tests.sim.world import Run, Said

RETURNS_MS: Final = 5_000
"""After a PBX is back, its gateway has reported its legs within this time."""
UNASKED_MS: Final = 12_000
"""A dial that no gateway has requested within this time never happens (`not_after`)."""
NEVER: Final = 1 << 60


class Leg(msgspec.Struct, kw_only=True, eq=False):
    """One leg of a customer: where it begins and ends on the log."""

    leg_id: str
    number: str
    is_arrived: bool
    begins: int
    begins_at: int
    ends: int = NEVER
    ends_at: int = NEVER
    is_requested: bool = False

    def is_up(self, offset: int) -> bool:
        """Whether the leg is up as of an offset."""
        return self.begins <= offset < self.ends


class Order(msgspec.Struct, kw_only=True, eq=False):
    """One callback, from its order to its end."""

    fact: callback.CallbackOrdered
    ordered: Said
    deadline_at: int
    changes: list[tuple[int, str]] = []
    """The customer's other numbers for it, each with the offset of callback's word."""
    ends: int = NEVER
    end: Said | None = None

    def number_at(self, offset: int) -> str:
        """The number that is to be called, as of an offset."""
        return next((number for since, number in reversed(self.changes) if since <= offset), self.fact.number)

    def stands(self, offset: int) -> bool:
        """Whether the callback is open as of an offset."""
        return self.ordered.offset <= offset < self.ends


class Timeline:
    """One morning, ordered."""

    def __init__(self, run: Run) -> None:
        self.run = run
        acceptance = Acceptance()
        self.records = [each for each in run.facts if acceptance.accepts(each)]
        self._at = {each.offset: each.at for each in run.facts}
        self._by_type: dict[type, list[Said]] = {}
        for each in self.records:
            self._by_type.setdefault(type(each.fact), []).append(each)
        self.outages = self._outages()
        scripts = () if run.workload is None else run.workload.script.pbxs.values()
        self.latency_ms = max((each.network.latency_ms_max for each in scripts), default=0)
        """The longest delay of a command or of its effect."""
        self.legs: dict[str, Leg] = {}
        self.orders: dict[str, Order] = {}
        self.order_of_place: dict[str, Order] = {}
        self._views: dict[str, list[tuple[int, int, Said]]] = {}
        self._read_directory()
        self._read_legs()
        self._read_orders()

    def of(self, *types: type[Fact]) -> list[Said]:
        """All facts of some types, in the order of the log."""
        found = [each for kind in types for each in self._by_type.get(kind, ())]
        if len(types) > 1:
            found.sort(key=lambda each: each.offset)
        return found

    def hung_up_unheard(self) -> dict[str, int]:
        """Legs whose party hung up where only a superseded gateway heard it, each with its word's offset.

        One that was frozen in a call shares the PBX's events with its successor (decision 0061). What
        it says of them is void for every reader, and the successor takes the leg for live until it asks for
        it. Only the party's own end is the PBX's word: a gateway that ended a leg itself may be wrong.
        """
        accepted = {each.offset for each in self.records}
        newest: dict[str, int] = {}
        found: dict[str, int] = {}
        for each in self.run.facts:
            fact, source = each.fact, each.envelope.source
            if each.offset in accepted:
                is_claim = isinstance(fact, gateway.PbxClaimed)
                number = each.offset if is_claim else each.envelope.incarnation
                newest[source] = max(newest.get(source, 0), number)
            if not isinstance(fact, gateway.LegEnded) or fact.by is not gateway.EndedBy.PARTY:
                continue
            if each.envelope.incarnation < newest.get(source, 0):
                found.setdefault(fact.leg_id, each.offset)
        return found

    def ends(self) -> list[Said]:
        """How callbacks ended."""
        return self.of(*callback.CallbackEnd.__subclasses__())

    def decided_at(self, record: Said) -> int:
        """When this was decided, by the log's time: the time of its cause."""
        return self._at.get(record.envelope.cause_offset, record.at)

    def seen_by(self, service: str) -> list[tuple[int, int, Said]]:
        """All facts as a decider saw them: its own ones with the offset and time of their decision."""
        if service not in self._views:
            self._views[service] = self._seen_by(service)
        return self._views[service]

    def _seen_by(self, service: str) -> list[tuple[int, int, Said]]:
        def place(record: Said) -> tuple[int, int, int]:
            if record.envelope.source != service:
                return (record.offset, 0, 0)
            return (record.envelope.cause_offset, 1, record.envelope.seq)

        ordered = sorted(self.records, key=place)
        return [
            (each.envelope.cause_offset, self.decided_at(each), each)
            if each.envelope.source == service
            else (each.offset, each.at, each)
            for each in ordered
        ]

    def clean_ms(self, from_at: int, until_at: int) -> int:
        """How much of a delay is outside outages."""
        if until_at <= from_at:
            return 0
        first = max(0, bisect_right(self.outages, (from_at, NEVER)) - 1)
        last = bisect_left(self.outages, (until_at, 0))
        return until_at - from_at - within(from_at, until_at, self.outages[first:last])

    def _outages(self) -> list[tuple[int, int]]:
        """Our outages, and those of PBXs as their gateways report them; merged, so that none overlap."""
        found = list(self.run.outages)
        lost: dict[str, int] = {}
        for each in self.of(gateway.PbxLost, gateway.PbxReturned):
            assert isinstance(each.fact, gateway.PbxFact)
            if isinstance(each.fact, gateway.PbxLost):
                lost.setdefault(each.fact.pbx_id, each.at)
            else:
                found.append((lost.pop(each.fact.pbx_id, each.at), each.at + RETURNS_MS))
        found += [(at, NEVER) for at in lost.values()]
        merged: list[tuple[int, int]] = []
        for begin, end in sorted(found):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def _read_legs(self) -> None:
        """Incoming calls, and dialled customers: from the decision on, if it was carried out."""
        for each in self.of(gateway.CallArrived):
            fact: Any = each.fact
            if fact.caller is not None and not fact.is_internal:
                self._put_leg(fact.leg_id, fact.caller, each, is_arrived=True)
        numbers: dict[str, str] = {}
        kinds = (callback.CallbackOrdered, callback.NumberChanged)
        for each in self.of(*kinds, callback.CustomerDialled, callback.ApologyDialled):
            fact = each.fact
            if isinstance(fact, kinds):
                numbers[fact.callback_id] = fact.number
            else:
                self._put_leg(fact.leg_id, numbers.get(fact.callback_id, ""), each, is_arrived=False)
        self._read_ends()
        self._legs_by_number: dict[str, list[Leg]] = {}
        for leg in self.legs.values():
            self._legs_by_number.setdefault(leg.number, []).append(leg)

    def _read_ends(self) -> None:
        for each in self.of(gateway.LegRequested, gateway.LegEnded, gateway.CommandRefused):
            fact: Any = each.fact
            leg = self.legs.get(fact.leg_id or "")
            if leg is None or leg.ends != NEVER:
                continue
            if isinstance(fact, gateway.LegRequested):
                leg.is_requested = True
            elif isinstance(fact, gateway.LegEnded) or fact.command.endswith("dial_leg"):
                leg.ends, leg.ends_at = each.offset, each.at
        for leg in self.legs.values():
            if leg.ends == NEVER and not leg.is_arrived and not leg.is_requested:
                leg.ends_at = leg.begins_at + UNASKED_MS
                after = (each.offset for each in self.records if each.at >= leg.ends_at)
                leg.ends = next(after, NEVER)

    def _put_leg(self, leg_id: str, number: str, record: Said, *, is_arrived: bool) -> None:
        self.legs[leg_id] = Leg(
            leg_id=leg_id, number=number, is_arrived=is_arrived, begins=record.offset, begins_at=record.at
        )

    def legs_of(self, number: str, offset: int) -> Iterator[Leg]:
        """The legs of a number that are up as of an offset."""
        return (leg for leg in self._legs_by_number.get(number, ()) if leg.is_up(offset))

    def was_erased(self, number: str, since: int, until: int) -> bool:
        """Whether the customer was erased between two offsets: what began before is no longer theirs (V6)."""
        return any(
            isinstance(each.fact, CustomerErased)
            and each.fact.number == number
            and since < each.offset <= until
            for each in self.of(CustomerErased)
        )

    def _read_orders(self) -> None:
        for each in self.of(callback.CallbackOrdered):
            assert isinstance(each.fact, callback.CallbackOrdered)
            order = Order(fact=each.fact, ordered=each, deadline_at=each.fact.deadline_at)
            self.orders[each.fact.callback_id] = order
            self.order_of_place[each.fact.place_id] = order
        for each in self.ends():
            assert isinstance(each.fact, callback.CallbackEnd)
            ended = self.orders.get(each.fact.callback_id)
            if ended is not None and ended.end is None:
                ended.end, ended.ends = each, each.offset
        for each in self.of(callback.NumberChanged):
            assert isinstance(each.fact, callback.NumberChanged)
            if each.fact.callback_id in self.orders:
                self.orders[each.fact.callback_id].changes.append((each.offset, each.fact.number))

    def standing(self, number: str, department_id: str, offset: int) -> Order | None:
        """The open callback of a number in a department as of an offset."""
        for order in self.orders.values():
            is_same = (order.number_at(offset), order.fact.department_id) == (number, department_id)
            if is_same and order.stands(offset):
                return order
        return None

    def office(self, offset: int) -> OrganizationSaved | None:
        """The organization as of an offset."""
        return self._saved_at("", offset)  # type: ignore[return-value]

    def department(self, department_id: str, offset: int) -> DepartmentSaved | None:
        """A department as of an offset."""
        return self._saved_at(department_id, offset)  # type: ignore[return-value]

    def _saved_at(self, name: str, offset: int) -> Fact | None:
        versions = self._saved.get(name, [])
        at = bisect_right(versions, offset, key=lambda each: each[0])
        return versions[at - 1][1] if at else None

    def _read_directory(self) -> None:
        """Saved cards by name, the oldest first; an older version that comes later is ignored."""
        self._saved: dict[str, list[tuple[int, Any]]] = {}
        for each in self.of(OrganizationSaved, DepartmentSaved):
            fact: Any = each.fact
            name = fact.department_id if isinstance(fact, DepartmentSaved) else ""
            versions = self._saved.setdefault(name, [])
            if not versions or versions[-1][1].version < fact.version:
                versions.append((each.offset, fact))


_LAST: list[tuple[Run, Timeline]] = []


def timeline(run: Run) -> Timeline:
    """The morning's timeline, made once for all checkers."""
    if not _LAST or _LAST[0][0] is not run:
        _LAST[:] = [(run, Timeline(run))]
    return _LAST[0][1]
