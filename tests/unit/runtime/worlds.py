"""A toy decider and a small world in memory, for the host's tests."""

import inspect
from collections.abc import Sequence
from typing import Any

from contracts.codec import Envelope, Malformed, decode, encode, envelope, headers
from contracts.gateway import CallArrived, DigitsEntered, PbxClaimed
from contracts.ids import Instant, LegId, NoticeId, OrganizationId, PbxId
from contracts.log import OrganizationUnparked, TimerDue
from contracts.message import Fact, Message, type_name
from contracts.telephony import HangUp
from contracts.tts import NoticeFailed
from runtime.decision import NOTHING, Decider, Decision
from runtime.host.held import HostPorts, Options
from runtime.host.owner import Owner
from runtime.memory import MemoryBlobs, MemoryClock, MemoryLog, MemoryStore, counting_tokens
from runtime.ports import LogRecord, LogUnavailable, Outgoing, Refused, StoreUnavailable
from runtime.records import Record, State

ACME, BETA = OrganizationId("acme"), OrganizationId("beta")
PBX = PbxId("volga")
REMIND_MS = 10_000
SILENT = "7"
"""Digits that change the toy's state and set a timer, though it says nothing."""


class Seen(Record, frozen=True, array_like=True):
    """A call the toy has heard of."""

    leg_id: LegId
    number: int


class ToyState(State):
    """Calls seen, and how many."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = self.table("seen", Seen)


def _apply(state: ToyState, fact: Fact) -> None:
    if isinstance(fact, CallArrived):
        state.seen.put(Seen(fact.leg_id, len(state.seen) + 1))
        state.set_timer("remind", fact.leg_id, Instant(state.now_at + REMIND_MS))
    if isinstance(fact, DigitsEntered) and fact.digits == SILENT:
        state.seen.put(Seen(fact.leg_id, len(state.seen) + 1))
        state.set_timer("remind", fact.leg_id, Instant(state.now_at + REMIND_MS))
    if isinstance(fact, NoticeFailed) and fact.is_final:
        state.seen.drop(fact.notice_id)


def _decide(state: ToyState, fact: Fact) -> Decision:
    match fact:
        case CallArrived():
            number = state.seen[fact.leg_id].number
            return Decision(
                facts=(_said(fact.leg_id, number, state.cause), _said("second", number, "")),
                commands=(HangUp(pbx_id=fact.pbx_id, leg_id=fact.leg_id),),
            )
        case TimerDue():
            return Decision(facts=(_said(fact.subject, 0, "timer"),))
        case DigitsEntered(digits="0"):
            return Decision(commands=(HangUp(pbx_id=fact.pbx_id, leg_id=fact.leg_id),))
        case DigitsEntered(digits="1"):
            return Decision(facts=(_said(fact.leg_id, 0, fact.digits),))
        case _:
            return NOTHING


def _said(about: str, number: int, reason: str) -> NoticeFailed:
    return NoticeFailed(notice_id=NoticeId(about), version=number, reason=reason, is_final=False)


def toy(*, breaks_at: str = "boom", reason: str = "") -> Decider[ToyState]:
    """A decider that says two facts and a command for each call, and breaks on one kind of digits."""

    def apply(state: ToyState, fact: Fact) -> None:
        if isinstance(fact, DigitsEntered) and fact.digits == breaks_at:
            raise ValueError("the toy broke")
        _apply(state, fact)

    def decide(state: ToyState, fact: Fact) -> Decision:
        decision = _decide(state, fact)
        if not reason:
            return decision
        return Decision(
            facts=tuple(
                _said(f.notice_id, f.version, reason) for f in decision.facts if isinstance(f, NoticeFailed)
            ),
            commands=decision.commands,
        )

    return Decider(
        name="toy",
        hears=(CallArrived, DigitsEntered),
        says=(NoticeFailed, HangUp),
        new_state=ToyState,
        apply=apply,
        decide=decide,
        owed=lambda _: (),
    )


class Crashed(BaseException):
    """The process died here; not an Exception, since no code may handle it."""


class Faulty:
    """A port whose n-th call of an awaitable method fails, before or after it was done."""

    def __init__(self, inner: Any, faults: "Faults") -> None:
        self._inner = inner
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._faults.calls += 1
            number = self._faults.calls
            if number == self._faults.before:
                raise self._faults.error(f"before {name}")
            result = await found(*args, **kwargs)
            if number == self._faults.after:
                raise self._faults.error(f"after {name}")
            return result

        return call


class Faults:
    """When the next fault comes, by the number of the port call."""

    def __init__(self) -> None:
        self.calls = 0
        self.before = self.after = 0
        self.error: Any = Crashed


class WaitingLog(MemoryLog):
    """A log on which nobody else says anything: a read at its end waits for all of its time."""

    async def read(self, partition: int, offset: int, *, records_max: int, wait_ms: int) -> list[LogRecord]:
        """Read, and let the time pass in which nothing comes."""
        found = await super().read(partition, offset, records_max=records_max, wait_ms=wait_ms)
        if not found:
            self.clock.advance(wait_ms / 1000)
        return found


class World:
    """One log, store, bucket and clock, on which owners come and go."""

    def __init__(self, *, append_time: bool = True) -> None:
        self.clock = MemoryClock()
        self.log = MemoryLog(self.clock, append_time=append_time)
        self.store = MemoryStore()
        self.blobs = MemoryBlobs()
        self.owners = 0

    def owner(
        self, decider: Decider[Any] | None = None, *, version: str = "1", faults: Faults | None = None
    ) -> Owner:
        """A process that may own the partition."""
        self.owners += 1
        log: Any = Faulty(self.log, faults) if faults else self.log
        store: Any = Faulty(self.store, faults) if faults else self.store
        ports = HostPorts(
            log=log,
            store=store,
            blobs=self.blobs,
            clock=self.clock,
            tokens=counting_tokens(f"owner{self.owners}."),
        )
        return Owner(0, decider or toy(), ports, Options(version=version, records_max=3))

    def hear(self, fact: Fact, *, organization_id: OrganizationId = ACME, source: str = "test", seq: int = 0,
             incarnation: int = 0, value: bytes | None = None, id_: str | None = None) -> int:  # fmt: skip
        """Append a fact; its offset."""
        offset = self.log.end(0)
        made = Envelope(
            id=id_ or f"{source}/{offset}",
            type=type_name(fact),
            source=source,
            organization_id=organization_id,
            seq=seq,
            incarnation=incarnation,
        )
        record = Outgoing(
            "facts", organization_id, tuple(headers(made)), encode(fact) if value is None else value, 0
        )
        now(self.log.append(0, [record]))
        return offset

    def said(self, source: str = "toy") -> list[tuple[OrganizationId, int, Message]]:
        """The service's facts as a reader accepts them: successors only, each once."""
        return accepted(self.log.facts[0], source)

    def commands(self) -> list[tuple[OrganizationId, int, Message]]:
        """The service's commands as a gateway accepts them."""
        return accepted(self.log.topics.get("telephony", []), "toy")

    def alarms(self, type_: str) -> list[Message]:
        """Facts of hosts of one type, in order."""
        found = ((envelope(each.headers), each) for each in self.log.facts[0])
        return [decode(made.type, each.value) for made, each in found if made.type == type_]

    def unpark(self, organization_id: OrganizationId = ACME) -> None:
        """Ask the toy to read on, as an operator does."""
        self.hear(OrganizationUnparked(service="toy"), organization_id=organization_id, source="tools")


def accepted(
    records: Sequence[LogRecord | Outgoing], source: str
) -> list[tuple[OrganizationId, int, Message]]:
    """The records that a reader accepts which requires consecutive numbers."""
    last: dict[OrganizationId, int] = {}
    found = []
    for record in records:
        try:
            made = envelope(record.headers)
        except Malformed:
            continue
        if made.source != source or made.seq != last.get(made.organization_id, 0) + 1:
            continue
        last[made.organization_id] = made.seq
        found.append((made.organization_id, made.seq, decode(made.type, record.value)))
    return found


def a_call(leg: str) -> CallArrived:
    """A customer calls."""
    return CallArrived(pbx_id=PBX, leg_id=LegId(leg), caller=None, line="+78001")


def digits(pressed: str) -> DigitsEntered:
    """A caller presses keys."""
    return DigitsEntered(pbx_id=PBX, leg_id=LegId("c"), digits=pressed)


def a_claim() -> PbxClaimed:
    """A gateway takes the PBX."""
    return PbxClaimed(pbx_id=PBX, claim="x")


def now(awaitable: Any) -> Any:
    """The result of a coroutine that never suspends."""
    try:
        awaitable.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


async def quiet(owner: Owner) -> None:
    """Take turns until nothing is heard twice in a row, when the last facts have come back."""
    still = 0
    while still < 3:
        still = 0 if await owner.turn() else still + 1


async def settled(owner: Owner, *, tries: int = 30) -> None:
    """Claim and turn, claiming again as the host does, until quiet."""
    for _ in range(tries):
        try:
            await owner.claim()
            await quiet(owner)
        except (LogUnavailable, StoreUnavailable, Refused):
            continue
        return
    raise AssertionError("it never came to rest")


async def state_of(owner: Owner, organization_id: OrganizationId = ACME) -> dict[str, bytes]:
    """An organization's records in memory, as they would be stored."""
    assert owner.held is not None
    organization = await owner.held.organization(organization_id)
    return {
        f"{table.name}/{key}": table.encoded(table[key])
        for table in organization.state.tables.values()
        for key in [getattr(each, table.record_type.__struct_fields__[0]) for each in table]
    }
